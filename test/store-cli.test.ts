// `sepiola store`, held against what ceph-objectstore-tool 16.2 printed for the same content.
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECTION, SectionWriter } from '../src/cli/store/export-sections.ts';
import { storeTool } from '../src/cli/store/index.ts';
import { connect } from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause } from './support/until.ts';

const root = tempFolder('store-cli');
const dir = join(root, 'cluster');
const file = (name: string) => join(root, name);
const BIG = Buffer.alloc(3_000_000, 'big');

interface Said {
  out: string;
  err: string;
  status: number;
}

/** Runs words in this process. `interrupt`: Ctrl-C as soon as something is said on standard error. */
async function store(osd: number | string, words: string[], interrupt = false): Promise<Said> {
  const path = typeof osd === 'number' ? join(dir, `osd.${osd}`) : osd;
  const said: Said = { out: '', err: '', status: 0 };
  const { stdout, stderr } = process;
  const was = [stdout.write, stderr.write] as const;
  const spy = (name: 'out' | 'err') =>
    ((text: string | Uint8Array, done?: () => void) => {
      said[name] += typeof text === 'string' ? text : Buffer.from(text).latin1Slice();
      done?.();
      if (name === 'err' && interrupt) process.emit('SIGINT');
      return true;
    }) as typeof stdout.write;
  stdout.write = spy('out');
  stderr.write = spy('err');
  try {
    said.status = await storeTool.run(['--data-path', path, ...words]);
  } catch (e) {
    said.status = (e as { errno?: number }).errno ?? 22;
    said.err += (e as Error).message;
  } finally {
    [stdout.write, stderr.write] = was;
  }
  return said;
}

/** Starts the cluster of the directory, does something, and stops it. */
async function running(work: (rados: Awaited<ReturnType<typeof connect>>) => Promise<void>) {
  await using cluster = await startCluster({ dir, osds: 2, osdBytes: 2 ** 30 });
  await using rados = await connect({ monHost: cluster.monHost });
  await work(rados);
}

let pg = '';
const ONE =
  /^\["(1\.\w+)",\{"oid":"obj1","key":"","snapid":-2,"hash":1828249343,"max":0,"pool":1,"namespace":"","max":0\}\]\n$/;

beforeAll(async () => {
  await running(async (rados) => {
    const pool = await rados.createPool('p');
    const one = pool.object('obj1');
    await one.writeFull('hello\n');
    await one.setXattr('color', 'red');
    await one.setOmap({ k1: 'v1' });
    await pool.object('grün').writeFull('?');
    await pool.object('big').writeFull(BIG);
  });
  pg = /\["([^"]+)"/.exec((await store(0, ['list', 'big'])).out)![1]!;
});
afterAll(() => rmSync(root, { recursive: true }));

describe('sepiola store', () => {
  it('lists PGs and objects, and finds an object by its name or by the line that names it', async () => {
    const listed = await store(0, ['--op', 'list', 'obj1']);
    expect(listed.out).toMatch(ONE);
    const id = ONE.exec(listed.out)![1]!;
    expect((await store(0, ['list-pgs'])).out.split('\n')).toContain(id);
    for (const words of [['obj1'], [listed.out.trim()], ['--pgid', id, 'obj1']]) {
      expect(await store(0, [...words, 'get-bytes'])).toEqual({
        out: 'hello\n',
        err: '',
        status: 0,
      });
    }
    expect((await store(0, ['ls', 'grün'])).out).toContain('"oid":"grün"');
    expect((await store(0, ['grün', 'get-bytes'])).out).toBe('?');
    expect((await store(0, ['obj1', 'list-attrs'])).out).toBe('_\n_color\n');
    expect((await store(0, ['obj1', 'get-attr', '_color'])).out).toBe('red');
    expect((await store(0, ['obj1', 'list-omap'])).out).toBe('k1\n');
    expect((await store(0, ['obj1', 'get-omap', 'k1'])).out).toBe('v1');
    expect(JSON.parse((await store(0, ['obj1', 'dump'])).out)).toMatchObject({
      id: { oid: 'obj1', hash: 1828249343 },
      stat: { size: 6 },
      omap: { entries: 1 },
    });
    await store(0, ['big', 'get-bytes', file('big')]);
    expect(readFileSync(file('big')).equals(BIG)).toBe(true);
  });

  it('refuses as the real tool does', async () => {
    const refusals: [string[], number, RegExp][] = [
      [['nope', 'get-bytes'], 2, /^No object id 'nope' found or invalid JSON specified$/],
      [['obj1', 'bogus'], 22, /Unknown object command 'bogus'/],
      [['obj1', 'get-attr', 'nope'], 61, /^getattr: \(61\) No data available$/],
      [['obj1', 'set-size'], 22, /usage: OBJECT set-size BYTES/],
      [['info', '--pgid', '9.9'], 2, /^PG '9.9' not found$/],
      [['info'], 22, /Must provide --pgid/],
      [['export', '--pgid', pg], 22, /Must provide --file/],
      [['--op', 'bogus'], 22, /unknown operation 'bogus'/],
      [['--pgid', 'x', 'list'], 22, /Invalid pgid 'x' specified/],
      [[], 22, /Must provide --op or object command/],
      [['remove', '--pgid', pg], 1, /you must use --force option$/],
    ];
    for (const [words, status, says] of refusals) {
      expect(await store(0, words)).toMatchObject({ status, err: expect.stringMatching(says) });
    }
    expect(await store(file('nothing'), ['list'])).toMatchObject({ status: 2 });
  });

  it('changes one object', async () => {
    writeFileSync(file('new'), 'new bytes');
    for (const words of [
      ['set-bytes', file('new')],
      ['set-attr', '_color', file('new')],
      ['rm-omap', 'k1'],
      ['set-omap', 'k2', file('new')],
      ['set-omaphdr', file('new')],
    ]) {
      expect(await store(1, ['obj1', ...words])).toEqual({ out: '', err: '', status: 0 });
    }
    expect((await store(1, ['obj1', 'rm-omap', 'k1'])).status).toBe(2);
    const seen: string[] = [];
    for (const what of ['get-bytes', 'get-attr _color', 'list-omap', 'get-omaphdr']) {
      seen.push((await store(1, ['obj1', ...what.split(' ')])).out);
    }
    expect(seen).toEqual(['new bytes', 'new bytes', 'k2\n', 'new bytes']);
  });

  it('checks, repairs and measures', async () => {
    const { out, status } = await store(0, ['fsck', '--deep']);
    expect(out).toMatch(/^fsck success: \d+ objects, 3 MiB of data read\n$/);
    expect(status).toBe(0);
    expect((await store(0, ['repair'])).out).toMatch(/^repair success/);
    const stats = JSON.parse((await store(0, ['stats'])).out);
    expect(stats).toMatchObject({ whoami: 0, total: 2 ** 30, fragmentation: 0 });
    expect(stats.allocated + stats.free_in_file).toBe(2 ** 30 - 4096); // beside the label
    expect(JSON.parse((await store(0, ['statfs'])).out)).toMatchObject({ total: 2 ** 30 });
    expect(JSON.parse((await store(0, ['info', '--pgid', pg])).out)).toMatchObject({ pgid: pg });
  });

  it('stays away from a store that a daemon has', async () => {
    await running(async () => {
      expect(await store(0, ['list'])).toMatchObject({
        status: 16,
        err: expect.stringContaining('osd.0 is in use by this process'),
      });
      expect((await store(0, ['fsck'])).status).toBe(16);
    });
  });

  it('brings a PG that all members lost back from a file, which the OSDs then serve', async () => {
    const words = ['--pgid', pg, '--file', file('pg')];
    expect((await store(0, ['export', ...words])).err).toMatch(/^Export successful: \d+ objects/);
    expect((await store(0, ['export', ...words])).status).toBe(17);
    expect(await store(0, ['import', '--file', file('pg')])).toMatchObject({
      status: 17,
      err: `pgid ${pg} already exists`,
    });
    for (const osd of [0, 1]) await store(osd, ['remove', '--force', '--pgid', pg]);
    expect((await store(1, ['list-pgs'])).out.split('\n')).not.toContain(pg);
    expect((await store(1, ['import', '--file', file('pg')])).err).toContain('Import successful');
    await running(async (rados) => {
      const bytes = await (await rados.pool('p')).object('big').read();
      expect(Buffer.from(bytes).equals(BIG)).toBe(true);
      // The other OSD is to have it as well before they are stopped.
      for (;;) {
        const { output } = await rados.command({ prefix: 'pg stat', format: 'json' });
        const states = JSON.parse(output.toString()).pg_summary.num_pg_by_state;
        if (states.length === 1 && states[0].name === 'active+clean') break;
        await pause(20);
      }
    });
    for (const osd of [0, 1]) expect((await store(osd, ['fsck', '--deep'])).status).toBe(0);
  });

  it('imports nothing of a file that is damaged, cut short, or of another cluster', async () => {
    await store(0, ['export-remove', '--pgid', pg, '--file', file('whole')]);
    const before = (await store(0, ['list-pgs'])).out;
    expect(before.split('\n')).not.toContain(pg);
    const whole = readFileSync(file('whole'));
    const wrong: [string, (path: string) => void, number, RegExp][] = [
      ['cut', (path) => truncateSync(path, whole.length - 1), 22, /ends in the middle/],
      ['cut2', (path) => truncateSync(path, 1_000_000), 22, /ends in the middle/],
      ['more', (path) => writeFileSync(path, 'x', { flag: 'a' }), 22, /goes on after its end/],
      ['none', (path) => writeFileSync(path, 'x'), 22, /is no export/],
      ['flip', (path) => writeFileSync(path, flipped(whole, 2_000_000)), 22, /is damaged between/],
      ['early', (path) => writeFileSync(path, flipped(whole, 30)), 22, /is damaged|ends in/],
    ];
    for (const [name, harm, status, says] of wrong) {
      copyFileSync(file('whole'), file(name));
      harm(file(name));
      const said = await store(0, ['import', '--file', file(name)]);
      expect(said).toMatchObject({ status, err: expect.stringMatching(says) });
      expect((await store(0, ['list-pgs'])).out).toBe(before);
    }
    const parts: Uint8Array[] = [];
    const foreign = new SectionWriter((bytes) => parts.push(bytes));
    const head = { cluster: 'another', osd: 0, pgid: pg, epoch: 1 };
    foreign.add(SECTION.head, Buffer.from(JSON.stringify(head)));
    foreign.add(SECTION.map, Buffer.from('map'));
    foreign.add(SECTION.end, Buffer.from('0'));
    writeFileSync(file('foreign'), Buffer.concat(parts));
    const said = await store(0, ['import', '--file', file('foreign')]);
    expect(said).toMatchObject({ status: 18, err: expect.stringContaining('cluster another') });
    const wanted = ['import', '--file', file('whole'), '--pgid', '1.7'];
    expect((await store(0, wanted)).err).toBe(`the export is of pgid ${pg}`);
  });

  it('ends at Ctrl-C with nothing of the PG there, and can then begin again', async () => {
    const before = (await store(0, ['list-pgs'])).out;
    const cut = await store(0, ['import', '--file', file('whole')], true);
    expect(cut).toMatchObject({ status: 4, err: expect.stringContaining('interrupted') });
    expect((await store(0, ['list-pgs'])).out).toBe(before);
    expect((await store(0, ['import', '--file', file('whole')])).status).toBe(0);
    expect((await store(0, ['fsck', '--deep'])).status).toBe(0);
    await store(0, ['big', 'get-bytes', file('again')]);
    expect(readFileSync(file('again')).equals(BIG)).toBe(true);
  });
});

it('replaces the rest of a PG whose import was cut short by an import', async () => {
  // As kill -9 leaves it: everything but the PG's own object.
  expect((await store(0, ['--pgid', pg, '', 'remove'])).status).toBe(0);
  expect((await store(0, ['list-pgs'])).err).toMatch(/is a rest of a PG/);
  expect((await store(0, ['info', '--pgid', pg])).status).toBe(2);
  expect((await store(0, ['import', '--file', file('whole')])).status).toBe(0);
  expect((await store(0, ['list-pgs'])).err).toBe('');
  await running(async (rados) => {
    expect((await (await rados.pool('p')).object('big').read()).equals(BIG)).toBe(true);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const out = Buffer.from(bytes);
  out[at]! ^= 1;
  return out;
}
