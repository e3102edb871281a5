// What a person gets who calls `sepiola` wrongly: one line that says what is wrong, an exit status, and nothing done.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterFolder, sepiola } from './support/sepiola.ts';
import { tempFolder } from './support/temp-folder.ts';

const root = tempFolder('words');
const path = (...names: string[]): string => join(root, ...names);
const cluster = new ClusterFolder();

beforeAll(async () => {
  mkdirSync(path('empty'));
  writeFileSync(path('file'), 'x');
  for (const [name, text] of [
    ['null', 'null'],
    ['half', '{"format":1'],
    ['foreign', '{"format":1,"osds":"many"}'],
  ] as const) {
    mkdirSync(path(name));
    writeFileSync(path(name, 'cluster.json'), text);
  }
  expect(await sepiola('up', cluster.dir, '--detach', '--osds', '1')).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await cluster.clear();
  rmSync(root, { recursive: true });
});

/** Words, exit status, and what the line says. */
type Case = [words: string[], code: number, says: RegExp];

async function isRefused([words, code, says]: Case): Promise<void> {
  const { stdout, ...r } = await sepiola(...words);
  expect({ words, ...r }).toEqual({
    words,
    code,
    stderr: expect.stringMatching(/^sepiola: [^\n]+\n$/),
  });
  expect(r.stderr).toMatch(says);
  if (words[0] !== 'status') expect(stdout).toBe('');
}

/** None of them leaves anything behind, or ends anything. */
async function untouched(run: () => Promise<unknown>): Promise<void> {
  const before = readdirSync(root, { recursive: true });
  const running = cluster.pids();
  await run();
  expect(readdirSync(root, { recursive: true })).toEqual(before);
  expect(cluster.pids()).toEqual(running);
}

/** All at once: each is a process, which takes longer to start than to refuse. */
function refused(cases: readonly Case[]): Promise<void> {
  return untouched(() => Promise.all(cases.map(isRefused)));
}

/** One after another: only one of them may be at work in a directory. */
function refusedInTurn(cases: readonly Case[]): Promise<void> {
  return untouched(async () => {
    for (const one of cases) await isRefused(one);
  });
}

describe('sepiola', () => {
  test('names the verbs of a command whose verb it does not know', () =>
    refused([
      [['osd', 'bogus', path('empty')], 22, /osd: unknown verb 'bogus'; one of add, stop, start/],
      [['osd', 'bogus', path('empty'), '3'], 22, /osd: unknown verb 'bogus'/],
      [['osd'], 22, /osd: a verb is missing; one of add, stop, start, replace, rm/],
      [['pg'], 22, /pg: a verb is missing; one of explain/],
      [['pg', 'bogus', '1.0'], 22, /pg: unknown verb 'bogus'; one of explain/],
      [['pg', path('empty')], 22, /pg: unknown verb/],
      [['bogus'], 22, /unknown command 'bogus'/],
      [['constructor'], 22, /unknown command 'constructor'/],
      [['crush', 'bogus'], 22, /crush: unknown word 'bogus'/],
    ]));

  test('says which word is missing or too many', () =>
    refused([
      [['up'], 22, /up: missing DIR; usage: sepiola up DIR/],
      [['up', ''], 22, /up: DIR is empty/],
      [['down', ''], 22, /down: DIR is empty/],
      [['down', path('empty'), 'more'], 22, /down: unexpected word 'more'/],
      [['mon'], 22, /mon: missing DIR/],
      [['osd', path('empty')], 22, /osd: missing ID; usage: sepiola osd DIR ID/],
      [['osd', path('empty'), 'x'], 22, /'x' is not an OSD's id/],
      [['osd', 'stop', path('empty')], 22, /osd stop: missing ID; usage: sepiola osd stop DIR ID/],
      [['osd', 'stop', path('empty'), 'x'], 22, /osd stop: 'x' is not an OSD's id/],
      [['osd', 'rm', path('empty'), '0', '--timeout', '-1'], 22, /osd rm: .*--timeout/],
      [['osd', 'add', cluster.dir, '--wipe'], 22, /osd add: --wipe is for --device/],
      [['pg', 'explain'], 22, /pg explain: missing PGID/],
      [['pg', 'explain', '1'], 22, /pg explain: '1' is no PG/],
      [['status', path('empty'), '--bogus'], 22, /status: Unknown option '--bogus'/],
    ]));

  test('refuses a new cluster that cannot be, and makes nothing', () =>
    refusedInTurn([
      [['up', path('new'), '--port', '99999'], 22, /--port takes a number from 1 to/],
      [['up', path('new'), '--host', 'nonsense'], 22, /--host takes an address of this machine/],
      [['up', path('new'), '--host', '0.0.0.0'], 22, /--host takes an address of this machine/],
      [
        ['up', path('new'), '--host', '203.0.113.1'],
        99,
        /203\.0\.113\.1 is not an address of this/,
      ],
      [['up', path('new'), '--cluster-addr', 'x'], 22, /--cluster-addr takes an address/],
      [['up', path('new'), '--public-network', 'x'], 22, /'x' is not a network such as/],
      [['up', path('new'), '--public-network', '203.0.113.0/24'], 2, /has no address in 203/],
      [
        ['up', path('new'), '--host', '127.0.0.1', '--public-addr', '127.0.0.1'],
        22,
        /give one of --host and --public-addr/,
      ],
      [['up', path('new'), '--wipe'], 22, /--wipe is for --devices/],
      [['up', path('new'), '--stripe-size', '5000'], 22, /--stripe-size takes a multiple of 4K/],
      [['up', path('new'), '--stripe-size', '1T'], 22, /--stripe-size takes a multiple of 4K/],
      [
        ['up', path('new'), '--devices', '/dev/null'],
        22,
        /1 devices? for 3 OSDs|not a block device/,
      ],
      [['up', path('file')], 20, /file is not a directory/],
      [['up', '/proc/sepiola'], 2, /\/proc\/sepiola/],
    ]));

  test('tells a folder without a cluster, and one whose file is damaged', () =>
    refused([
      ...['down', 'status', 'mon'].flatMap((verb): Case[] => [
        [[verb, path('empty')], 2, /empty holds no Sepiola cluster/],
        [[verb, path('nowhere')], 2, /nowhere holds no Sepiola cluster/],
        [[verb, path('file')], 2, /file holds no Sepiola cluster/],
        [[verb, path('null')], 22, /cluster\.json is not of a cluster/],
      ]),
      [['status', path('half')], 22, /cluster\.json is not readable as JSON/],
      [['up', path('foreign')], 22, /cluster\.json is not of a cluster/],
      ...['stop', 'start', 'replace', 'rm'].map(
        (verb): Case => [['osd', verb, path('empty'), '0'], 2, /empty holds no Sepiola cluster/],
      ),
      [['osd', 'add', path('empty')], 2, /empty holds no Sepiola cluster/],
      [['osd', path('empty'), '0'], 2, /empty holds no Sepiola cluster/],
    ]));

  test('tells an OSD that there is not, and another cluster than was asked for', () =>
    refusedInTurn([
      ...['stop', 'start', 'replace'].map(
        (verb): Case => [['osd', verb, cluster.dir, '9'], 2, /has no osd\.9/],
      ),
      [['osd', cluster.dir, '9'], 2, /has no osd\.9/],
      [['osd', 'add', cluster.dir, '--device', '/nope'], 22, /\/nope is not a block device/],
      [['mon', cluster.dir], 16, /mon\.a of .* already runs/],
      [['up', cluster.dir], 16, /a cluster already runs in/],
      [['store', 'list', '--data-path', join(cluster.dir, 'osd.0')], 16, /in use by process/],
      [['store', 'list', '--data-path', path('empty')], 2, /empty holds no store/],
    ]));

  test('looks at the words of the store tool before it opens a store', () => {
    const at = ['--data-path', path('empty')];
    return refused([
      [['store', 'constructor', ...at], 22, /unknown operation 'constructor'/],
      [['store', '--op', 'toString', ...at], 22, /unknown operation 'toString'/],
      [['store', 'obj', 'valueOf', ...at], 22, /Unknown object command 'valueOf'/],
      [['store', 'export', '--pgid', '1.0', ...at], 22, /Must provide --file for export/],
      [['store', 'info', ...at], 22, /Must provide --pgid for info/],
      [['store', 'fsck', 'more', ...at], 22, /unexpected word 'more' after fsck/],
      [['store', 'obj', 'get-attr', ...at], 22, /usage: OBJECT get-attr KEY/],
      [['store', 'list'], 22, /Must provide --data-path/],
    ]);
  });

  test('tells that a stopped cluster is stopped', async () => {
    expect(await sepiola('down', cluster.dir)).toMatchObject({ code: 0 });
    const kept = readdirSync(cluster.dir);
    await refusedInTurn([
      [['status', cluster.dir], 107, /no daemon of .* is running/],
      ...['start', 'replace', 'rm'].map(
        (verb): Case => [['osd', verb, cluster.dir, '0'], 107, /mon\.a of .* is not running/],
      ),
      [['osd', 'add', cluster.dir], 107, /mon\.a of .* is not running/],
      [['up', cluster.dir, '--osds', '2'], 22, /holds a cluster of 1 OSDs, not 2/],
      [['up', cluster.dir, '--host', '127.0.0.2'], 22, /holds a cluster at 127\.0\.0\.1, not 127/],
      [['up', cluster.dir, '--stripe-size', '64K'], 22, /stripes of 0 bytes, not 65536/],
      [['up', cluster.dir, '--devices', '/dev/x'], 22, /holds a cluster on files, not \/dev\/x/],
    ]);
    expect(readdirSync(cluster.dir)).toEqual(kept);
    const stop = await sepiola('osd', 'stop', cluster.dir, '0');
    expect(stop).toEqual({ code: 0, stdout: 'osd.0 is not running\n', stderr: '' });
    const down = await sepiola('down', cluster.dir);
    expect(down.stdout).toMatch(/^no daemon of .* is running\n$/);
    expect(existsSync(join(cluster.dir, 'change.pid'))).toBe(false);
  });
});
