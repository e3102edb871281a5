// What tests leave behind: nothing, however they end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { processStart } from '../src/runtime-node/process-start.ts';
import { clearAfterDead, tempFolder } from './support/temp-folder.ts';
import { until } from './support/until.ts';

const place = tempFolder('of-victims');

interface Victim {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly daemon: number;
}

async function victim(): Promise<Victim> {
  const script = join(import.meta.dirname, 'support/folder-victim.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, place], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = await once(createInterface(child.stdout!), 'line');
  return { child, ...(JSON.parse(line) as { folder: string; daemon: number }) };
}

function gone({ folder, daemon }: Victim): Promise<void> {
  return until(() => !existsSync(folder) && processStart(daemon) === undefined);
}

test.each([
  ['asked to end', (v: Victim) => v.child.kill('SIGTERM')],
  ['interrupted', (v: Victim) => v.child.kill('SIGINT')],
  ['left by its parent', (v: Victim) => v.child.disconnect()],
])('a process that is %s ends its daemons and takes its folder away', async (_how, end) => {
  const v = await victim();
  expect(processStart(v.daemon)).toBeDefined();
  end(v);
  await gone(v);
});

test('what a killed process left is cleared by the next, and what the living have stays', async () => {
  const [dead, living] = await Promise.all([victim(), victim()]);
  mkdirSync(join(place, 'sepiola-of-somebody-else'));
  const ended = once(dead.child, 'exit');
  dead.child.kill('SIGKILL');
  await ended;
  expect(processStart(dead.daemon)).toBeDefined();
  expect(clearAfterDead(place)).toEqual([dead.folder]);
  await gone(dead);
  expect(processStart(living.daemon)).toBeDefined();
  expect(existsSync(living.folder)).toBe(true);
  expect(readdirSync(place).length).toBe(2);
  living.child.kill('SIGTERM');
  await gone(living);
  expect(readdirSync(place)).toEqual(['sepiola-of-somebody-else']);
});
