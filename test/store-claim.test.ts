// One process at a time has a store's directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { nodeDisk } from '../src/runtime-node/index.ts';
import { tempFolder } from './support/temp-folder.ts';

const dir = tempFolder('claim');
afterAll(() => rmSync(dir, { recursive: true }));
const locks = () => readdirSync(dir).filter((name) => name.startsWith('lock.'));

/** A process that has the directory until it is killed. */
function owner(): Promise<ChildProcess> {
  const script = `
    const { nodeDisk } = await import(${JSON.stringify(join(import.meta.dirname, '../src/runtime-node/index.ts'))});
    await nodeDisk.claim(${JSON.stringify(dir)});
    console.log('mine');
    setInterval(() => {}, 1000);`;
  const words = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

it('a directory is refused while another process has it, and free when that was killed', async () => {
  const child = await owner();
  await expect(nodeDisk.claim(dir)).rejects.toMatchObject({
    code: 'EBUSY',
    message: expect.stringContaining(`in use by process ${child.pid}`),
  });
  expect(locks()).toHaveLength(1);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  const letGo = await nodeDisk.claim(dir);
  expect(locks()).toEqual([expect.stringContaining(`lock.${process.pid}.`)]);
  await expect(nodeDisk.claim(dir)).rejects.toThrow(/in use by this process/);
  await letGo();
  expect(locks()).toEqual([]);
});

it('a number that another process has got since, or one of before a restart, keeps nobody out', async () => {
  const { ppid } = process;
  writeFileSync(join(dir, `lock.${ppid}.1-00000000-0000-0000-0000-000000000000`), 'gone');
  writeFileSync(join(dir, 'lock.999999999.1-0'), 'gone');
  const letGo = await nodeDisk.claim(dir);
  expect(locks()).toHaveLength(1);
  await letGo();
});
