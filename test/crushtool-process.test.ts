import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, sepiola } from './support/sepiola.ts';
import { tempFolder } from './support/temp-folder.ts';

/** Hours of work. */
const LONG = ['--test', '--num-rep', '3', '--min-x', '0', '--max-x', '2000000000'];

describe('the crushtool command as a process', () => {
  const dir = tempFolder('crushtool');
  const map = join(dir, 'map');
  const start = (...words: string[]) =>
    spawn(process.execPath, [MAIN, 'crushtool', '-i', map, ...LONG, ...words]);
  beforeAll(async () => {
    const layers = ['host', 'straw2', '4', 'root', 'straw2', '0'];
    const built = await sepiola('crushtool', '--build', '--num_osds', '40', ...layers, '-o', map);
    expect(built).toEqual({ code: 0, stdout: '', stderr: '' });
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('gives its status and streams', async () => {
    expect((await sepiola('crushtool', '-i', map, '--tree')).stdout).toContain('host9');
    expect(await sepiola('crushtool', '-i', `${map}x`, '--tree')).toEqual({
      code: 1,
      stdout: '',
      stderr: `crushtool: error reading '${map}x': can't open ${map}x: (2) No such file or directory\n`,
    });
    expect((await sepiola('crushtool', '-c', `${map}x`)).code).toBe(254);
  });

  it('ends when nobody reads its output any more', async () => {
    const child = start('--show-mappings');
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((done) => child.on('close', done));
    expect([code, err]).toEqual([0, '']);
  });

  it('ends at once on Ctrl-C', async () => {
    const child = start('--show-mappings');
    const ended = new Promise((done) => child.on('close', (_code, signal) => done(signal)));
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.stdout.resume();
    expect(await ended).toBe('SIGINT');
  });
});
