// Debian's ceph and rados on copies that were damaged behind our OSDs' backs, as they were once on a real cluster: the
// same errors are found, listed, told of and repaired.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INFO_ATTR } from '../../src/osd/ops/index.ts';
import type { StoreOp } from '../../src/store/index.ts';
import { HOBJECT_MIN, type HObject } from '../../src/wire/index.ts';
import { runTool } from '../support/differential.ts';
import { toolsMissing } from '../support/interop.ts';
import { OsdCluster } from '../support/osd-cluster.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { pause } from '../support/until.ts';

const missing = toolsMissing('ceph', 'rados');

interface Inconsistent {
  object: { name: string };
  errors: string[];
  union_shard_errors: string[];
  selected_object_info?: { size: number; flags: string[]; data_digest: string };
  shards: { osd: number; primary: boolean; errors: string[]; data_digest?: string }[];
}
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/scrub/damaged-pg.json'), 'utf8'),
) as { inconsistents: Inconsistent[]; log: string[] };
/** The real PG's members: its primary and the others in their order. */
const GOLDEN_ACTING = [2, 1, 0];

describe.skipIf(missing)(`scrub${missing ? ` (${missing})` : ''}`, () => {
  let cluster: OsdCluster;
  let dir: string;
  let conf: string;
  let pg: string;
  let acting: number[];

  async function run(...words: string[]): Promise<string> {
    const r = await runTool(conf, words);
    expect(r.code, `${words.join(' ')}: ${r.stderr.slice(0, 2000)}`).toBe(0);
    return r.stdout;
  }
  const json = async (...words: string[]) => JSON.parse(await run(...words, '--format=json'));
  const log = async (): Promise<string[]> =>
    (await run('ceph', 'log', 'last', '200', 'debug', 'cluster')).split('\n').flatMap((line) => {
      const [, said] = /^.* osd\.\d+ \(osd\.\d+\) \d+ : cluster (.*)$/.exec(line) ?? [];
      return said === undefined ? [] : [said];
    });
  /** Waits until the log has a line like that, beyond those it has. */
  async function awaitLog(pattern: RegExp, after = 0): Promise<string[]> {
    for (let i = 0; i < 100; i++) {
      const lines = (await log()).slice(after);
      if (lines.some((l) => pattern.test(l))) return lines;
      await pause(100);
    }
    throw new Error(`no line like ${pattern}: ${(await log()).join('\n')}`);
  }

  function damage(role: number, name: string, op: (oid: HObject, c: string) => StoreOp[]): void {
    const store = cluster.stores[acting[role]!]!;
    const from = { ...HOBJECT_MIN, pool: Number(pg.split('.')[0]) };
    const oid = store.list(pg, from, 100).objects.find((o) => o.name === name)!;
    void store.submit(op(oid, pg));
  }
  const attrs = (name: string, value: string) => new Map([[name, Buffer.from(value)]]);

  beforeAll(async () => {
    cluster = await OsdCluster.start(3);
    dir = tempFolder('scrub');
    conf = join(dir, 'ceph.conf');
    writeFileSync(conf, cluster.conf);
    await run('ceph', 'osd', 'pool', 'create', 'p', '1');
    await run('ceph', 'osd', 'pool', 'application', 'enable', 'p', 'rados');
    const place = await json('ceph', 'osd', 'map', 'p', 'a');
    pg = place.pgid;
    acting = place.acting;
    const file = join(dir, 'data');
    writeFileSync(file, Buffer.alloc(4000, 'data '));
    for (const name of 'abcdefghi') {
      await run('rados', '-p', 'p', 'put', name, file);
      await run('rados', '-p', 'p', 'setxattr', name, 'x', '1');
      if (name < 'h') await run('rados', '-p', 'p', 'setomapval', name, 'k', 'v');
    }
    damage(1, 'a', (oid, c) => [{ op: 'write', c, oid, offset: 7, data: Buffer.from('other') }]);
    damage(2, 'b', (oid, c) => [{ op: 'remove', c, oid }]);
    damage(2, 'c', (oid, c) => [{ op: 'setattrs', c, oid, attrs: attrs('_x', '2') }]);
    damage(2, 'd', (oid, c) => [{ op: 'omapSet', c, oid, entries: attrs('k', '2') }]);
    damage(2, 'e', (oid, c) => [{ op: 'rmattr', c, oid, name: INFO_ATTR }]);
    damage(2, 'f', (oid, c) => [
      { op: 'truncate', c, oid, size: 100 },
      { op: 'write', c, oid, offset: 0, data: Buffer.from('small') },
    ]);
    damage(2, 'g', (oid, c) => [{ op: 'setattrs', c, oid, attrs: attrs('_y', '2') }]);
    damage(0, 'h', (oid, c) => [{ op: 'remove', c, oid }]);
    for (const role of [1, 2]) damage(role, 'i', (oid, c) => [{ op: 'remove', c, oid }]);
  }, 60_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test('who never scrubbed has nothing to tell', async () => {
    const r = await runTool(conf, ['rados', 'list-inconsistent-obj', pg]);
    expect(r.code).not.toBe(0);
    expect(r.stderr).toContain(`No scrub information available for pg ${pg}`);
  });

  test('a deep scrub finds and tells what a real one did', async () => {
    const { stderr } = await runTool(conf, ['ceph', 'pg', 'deep-scrub', pg]);
    expect(stderr).toBe(`instructing pg ${pg} on osd.${acting[0]} to deep-scrub\n`);
    const lines = await awaitLog(/deep-scrub \d+ errors/);
    // Members, places and infos are others; the words and their number are not.
    const words = (line: string): string =>
      line
        .replace(/^(\[\w+\]) \S+/, '$1 PG')
        .replace(/shard (\d)/g, 'shard')
        .replace(/\d+:[0-9a-f]{8}:::/g, '')
        .replace(/\([^)]*\)/g, '()')
        .replace(/0x[0-9a-f]+/g, '0x')
        .replace(/\b(4000|5000)\b/g, 'SIZE');
    expect(lines.map(words).sort()).toEqual(golden.log.map(words).sort());
  });

  test('rados lists the PG and its objects', async () => {
    await run('ceph', 'tell', `osd.${acting[0]}`, 'flush_pg_stats');
    for (
      let i = 0;
      i < 50 && (await run('rados', 'list-inconsistent-pg', 'p')) !== `["${pg}"]\n`;
      i++
    );
    expect(await json('rados', 'list-inconsistent-pg', 'p')).toEqual([pg]);
    const { inconsistents } = await json('rados', 'list-inconsistent-obj', pg);
    const seen = (all: Inconsistent[], members: readonly number[]) =>
      all
        .map((o) => ({
          name: o.object.name,
          errors: o.errors,
          union: o.union_shard_errors,
          flags: o.selected_object_info?.flags,
          shards: o.shards
            .map((s) => ({ role: members.indexOf(s.osd), primary: s.primary, errors: s.errors }))
            .sort((a, b) => a.role - b.role),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(seen(inconsistents, acting)).toEqual(seen(golden.inconsistents, GOLDEN_ACTING));
    expect(inconsistents.every((o: Inconsistent) => o.selected_object_info!.size === 4000)).toBe(
      true,
    );
    expect((await json('rados', 'list-inconsistent-snapset', pg)).inconsistents).toEqual([]);
    const health = await run('ceph', 'health', 'detail');
    expect(health).toContain('[ERR] OSD_SCRUB_ERRORS: 12 scrub errors\n');
    expect(health).toContain('[ERR] PG_DAMAGED: Possible data damage: 1 pg inconsistent\n');
    expect(health).toContain(`    pg ${pg} is active+clean+inconsistent, acting [${acting}]\n`);
  });

  test('a repair leaves every object as it was, and nothing to list', async () => {
    const after = (await log()).length;
    await run('ceph', 'pg', 'repair', pg);
    const said = await awaitLog(/repair 12 errors, 10 fixed/, after);
    expect(said).toContain(`[ERR] ${pg} repair 3 missing, 6 inconsistent objects`);
    // Two of the errors were of objects rather than copies: it looks once more by itself.
    await awaitLog(/deep-scrub ok/, after);
    const { inconsistents } = await json('rados', 'list-inconsistent-obj', pg);
    expect(inconsistents).toEqual([]);
    for (const name of 'abcdefghi') {
      const copy = join(dir, name);
      await run('rados', '-p', 'p', 'get', name, copy);
      expect(readFileSync(copy).equals(Buffer.alloc(4000, 'data '))).toBe(true);
    }
    expect(await run('rados', '-p', 'p', 'listxattr', 'g')).toBe('x\n');
    for (const osd of acting) await run('ceph', 'tell', `osd.${osd}`, 'flush_pg_stats');
    expect(await run('ceph', 'health')).not.toMatch(/scrub errors|damage/);
  });

  test.each([
    ['pg scrub 9.5', 2, 'Error ENOENT: pg 9.5 does not exist\n'],
    ['osd scrub 0', 0, 'instructed osd(s) 0 to scrub\n'],
    ['osd deep-scrub all', 0, 'instructed osd(s) 0,1,2 to deep-scrub\n'],
    ['osd deep-scrub 7', 11, 'Error EAGAIN: osd.7 is not up\n'],
    [
      'osd repair x',
      22,
      "Error EINVAL: Expected option value to be integer, got 'x'invalid osd 'x'\n",
    ],
    ['osd pool scrub q', 2, "Error ENOENT: unrecognized pool 'q'\n"],
  ])('ceph %s answers as a real manager did', async (words, code, stderr) => {
    const r = await runTool(conf, ['ceph', ...words.split(' ')]);
    expect([r.code, r.stderr]).toEqual([code, stderr]);
  });
});
