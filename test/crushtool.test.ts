import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCrushtool } from '../src/cli/crushtool/index.ts';
import type { Outcome } from './support/differential.ts';
import { tempFolder } from './support/temp-folder.ts';
import { runHere } from './support/tool-pair.ts';

interface Golden {
  map: string;
  runs: { line: string; code: number; out: string; err: string }[];
}
const golden = JSON.parse(
  readFileSync(new URL('golden/crushtool/runs.json', import.meta.url), 'utf8'),
) as Golden;

describe('crushtool', () => {
  const dir = tempFolder('crushtool');
  const at = (text: string): string => text.replaceAll('@', `${dir}/`);
  const run = (line: string): Promise<Outcome> =>
    runHere(
      runCrushtool,
      line.split(' ').map((word) => at(word)),
    );
  beforeAll(() => writeFileSync(at('@odd.txt'), golden.map));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('prints what Ceph printed, and ends as it ended', async () => {
    for (const { line, code, out, err } of golden.runs) {
      const outcome = { code, stdout: at(out), stderr: at(err) };
      expect(await run(line), line).toEqual(outcome);
    }
  });

  it('loses nothing between binary, JSON and XML', async () => {
    await run('-c @odd.txt -o @m --export-json @json --export-xml @xml');
    await run('--import-json @json -o @fromJson');
    await run('--import-xml @xml -o @fromXml');
    expect(readFileSync(at('@fromJson'))).toEqual(readFileSync(at('@m')));
    expect(readFileSync(at('@fromXml'))).toEqual(readFileSync(at('@m')));
    expect((await run('-i @m --export-json -')).stdout).toBe(readFileSync(at('@json'), 'utf8'));
  });

  it('reads what it prints as JSON itself', async () => {
    await run('-c @odd.txt -o @m');
    writeFileSync(at('@dump'), (await run('-i @m --dump')).stdout);
    const { code, stdout } = await run('--import-json @dump --tree');
    expect(code).toBe(0);
    expect(stdout).toContain('host a');
  });

  it('refuses documents that are none', async () => {
    writeFileSync(at('@bad'), '{"devices": 3');
    for (const how of ['json', 'xml']) {
      const { code, stdout, stderr } = await run(`--import-${how} @bad -o @never`);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(new RegExp(`^crushtool: unable to read ${dir}/bad: .+\n$`));
    }
    expect((await run('--import-json @nope --tree')).stderr).toContain('No such file');
  });

  it('takes one source of a map', async () => {
    const { code, stderr } = await run('--import-json @json -c @odd.txt');
    expect([code, stderr]).toEqual([
      1,
      'cannot specify more than one of compile, decompile, and build\n',
    ]);
  });

  it('names every option in its help', async () => {
    const { stdout } = await run('--help');
    const source = ['words.ts', 'test-words.ts']
      .map((f) => readFileSync(new URL(`../src/cli/crushtool/${f}`, import.meta.url), 'utf8'))
      .join('');
    const names = [...source.matchAll(/\['(?:-\w', ')?(--[\w]+)'\]/g)].map((m) => m[1]!);
    expect(names.length).toBeGreaterThan(40);
    const help = stdout.replaceAll('_', '-');
    for (const name of names) expect(help).toMatch(new RegExp(`${name.replaceAll('_', '-')}\\b`));
  });

  it('tells in plain words what Ceph prints as an address', async () => {
    const { stderr } = await run('--add-bucket a');
    expect(stderr).toBe('expecting additional argument to --add-bucket\n');
  });
});
