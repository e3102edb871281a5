import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Rados } from '../src/client/index.ts';
import { type BlockStore, MemoryStore } from '../src/store/index.ts';
import { toolsMissing } from './support/interop.ts';
import { openNodeStore } from './support/node-store.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { heldOf, namesIn } from './support/pool-content.ts';
import { settled } from './support/settled.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause, until } from './support/until.ts';

async function command(
  rados: Rados,
  cmd: { prefix: string } & Record<string, unknown>,
): Promise<string> {
  return (await rados.command(cmd)).output.toString();
}

describe('OSDs with a monitor, over TCP', () => {
  it('answers requests, repeats what it holds after a restart of one OSD, and makes all copies equal', async () => {
    await using c = await OsdCluster.start(3);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 4 });
    await pool.object('before').writeFull('first');
    const acked = new Set<string>();
    let stop = false;
    const writer = (async () => {
      for (let i = 0; !stop; i++) {
        await pool.object(`o${i}`).writeFull(`content ${i}`);
        acked.add(`o${i}`);
      }
    })();
    await pause(100);
    await c.kill(1);
    const atKill = acked.size;
    await until(() => acked.size > atKill + 50);
    await pool.object('before').writeFull('second');
    await c.startOsd(1);
    await c.osds[1]!.booted;
    await pause(200);
    stop = true;
    await writer;
    await settled(rados);
    expect(c.fatal).toEqual([]);
    const listed = await namesIn(pool);
    expect(listed).toEqual([...acked, 'before'].sort());
    expect((await pool.object('before').read()).toString()).toBe('second');
    const first = await heldOf(c.stores[0]!, pool.id);
    expect(first.size).toBe(listed.length);
    expect(await heldOf(c.stores[1]!, pool.id)).toEqual(first);
    expect(await heldOf(c.stores[2]!, pool.id)).toEqual(first);
  });

  it('finds everything acknowledged after all OSDs were killed and started again', async () => {
    const dir = tempFolder('osd');
    const open = (id: number): Promise<BlockStore> =>
      openNodeStore(join(dir, `osd.${id}`), { sizeBytes: 256 << 20 });
    try {
      const stores = [await open(0), await open(1), await open(2)];
      await using c = await OsdCluster.start(3, (id) => stores[id]!);
      const rados = await c.client();
      const pool = await rados.createPool('p', { pgNum: 8 });
      const acked = new Map<string, string>();
      const writers = Array.from({ length: 8 }, async (_, w) => {
        for (let i = 0; i < 40; i++) {
          const name = `w${w}.${i % 20}`;
          const content = `${name} ${i} `.repeat(1 + ((w * i) % 900));
          await pool.object(name).writeFull(content);
          acked.set(name, content);
        }
      });
      await pause(150);
      await Promise.all([0, 1, 2].map((id) => c.kill(id)));
      for (let id = 0; id < 3; id++) {
        c.stores[id] = await open(id);
        await c.startOsd(id);
      }
      // Requests that were open when the OSDs died are sent again, and answered once.
      await Promise.all(writers);
      expect(await namesIn(pool)).toEqual([...acked.keys()].sort());
      for (const [name, content] of acked) {
        expect((await pool.object(name).read()).toString()).toBe(content);
      }
      expect(c.fatal).toEqual([]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('holds writes while fewer than min_size members are there', async () => {
    await using c = await OsdCluster.start(2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 1 });
    const set = { prefix: 'osd pool set', pool: 'p', val: '2' };
    await command(rados, { ...set, var: 'size' });
    await command(rados, { ...set, var: 'min_size' });
    await pool.object('a').writeFull('1');
    await c.kill(1);
    let isDone = false;
    const write = pool
      .object('a')
      .append('2')
      .then(() => {
        isDone = true;
      });
    await pause(1500);
    expect(isDone).toBe(false);
    await c.startOsd(1);
    await write;
    expect((await pool.object('a').read()).toString()).toBe('12');
  });

  it('brings an omap value of nearly osd_max_write_size to all members', async () => {
    await using c = await OsdCluster.start(2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 1 });
    const set = { prefix: 'osd pool set', pool: 'p', val: '2' };
    await command(rados, { ...set, var: 'size' });
    await command(rados, { ...set, var: 'min_size' });
    await pool.object('a').setOmap({ k: Buffer.alloc(80 << 20, 1) });
    expect(c.fatal).toEqual([]);
  }, 10_000);

  it('refuses writes with ENOSPC when the store is full, deletes, and writes again', async () => {
    await using c = await OsdCluster.start(1, () => new MemoryStore({ sizeBytes: 16 << 20 }));
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 1 });
    const mib = Buffer.alloc(1 << 20, 7);
    let written = 0;
    await expect(
      (async () => {
        for (; written < 32; written++) await pool.object(`o${written}`).writeFull(mib);
      })(),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(written).toBeGreaterThan(10);
    expect((await pool.object('o0').read()).equals(mib)).toBe(true);
    for (let i = 0; i < 6; i++) await pool.object(`o${i}`).remove();
    await pause(300);
    await pool.object('again').writeFull(mib);
    expect(c.fatal).toEqual([]);
  });

  it('removes the PGs of a deleted pool, and lives through garbage', async () => {
    await using c = await OsdCluster.start(1);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 4 });
    for (let i = 0; i < 100; i++) await pool.object(`o${i}`).writeFull('x');
    const { host, port } = c.osds[0]!.addr;
    await new Promise<void>((done) => {
      const socket = dial(port, host, () => socket.write(Buffer.alloc(5000, 0x5a)));
      socket.resume();
      socket.on('error', () => {});
      socket.on('close', () => done());
    });
    expect((await namesIn(pool)).length).toBe(100);
    await rados.deletePool('p');
    await until(() => c.stores[0]!.collections().length === 1);
    expect(c.fatal).toEqual([]);
  });

  it('copies between PGs, also when two objects are copied from each other at once', async () => {
    await using c = await OsdCluster.start(3);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 16 });
    await pool.object('a').writeFull('of a');
    await pool.object('b').writeFull('of b');
    const missing = toolsMissing('rados');
    if (missing) return;
    const dir = tempFolder('osd');
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const conf = join(dir, 'ceph.conf');
    writeFileSync(conf, c.conf);
    const { spawn } = await import('node:child_process');
    const cp = (from: string, to: string): Promise<number | null> =>
      new Promise((done) => {
        const child = spawn('rados', ['-c', conf, '-p', 'p', 'cp', from, to]);
        child.on('close', done);
      });
    for (let i = 0; i < 3; i++) {
      expect(await Promise.all([cp('a', 'b'), cp('b', 'a'), cp('a', `c${i}`)])).toEqual([0, 0, 0]);
    }
    const [a, b] = await Promise.all([pool.object('a').read(), pool.object('b').read()]);
    expect(['of a', 'of b']).toContain(a.toString());
    expect(['of a', 'of b']).toContain(b.toString());
  });
});

const missing = toolsMissing('rados', 'ceph');
describe.skipIf(missing)(`OSDs with Debian's tools${missing ? ` (${missing})` : ''}`, () => {
  it('serves rados and ceph tell', async () => {
    await using c = await OsdCluster.start(3);
    const rados = await c.client();
    await rados.createPool('p', { pgNum: 8 });
    const dir = tempFolder('osd');
    const conf = join(dir, 'ceph.conf');
    writeFileSync(conf, c.conf);
    // The daemons live in this process, so the tools must not block it.
    const { spawn } = await import('node:child_process');
    const run = (...words: string[]): Promise<{ code: number | null; out: string; err: string }> =>
      new Promise((done) => {
        const child = spawn(words[0]!, ['-c', conf, ...words.slice(1)]);
        let out = '';
        let err = '';
        child.stdout.on('data', (d) => {
          out += d;
        });
        child.stderr.on('data', (d) => {
          err += d;
        });
        child.on('close', (code) => done({ code, out, err }));
      });
    const file = join(dir, 'file');
    const bytes = Buffer.from(Array.from({ length: 6_000_000 }, (_, i) => (i * 7919) & 255));
    writeFileSync(file, bytes);
    expect((await run('rados', '-p', 'p', 'put', 'big', file)).code).toBe(0);
    expect((await run('rados', '-p', 'p', 'get', 'big', join(dir, 'back'))).code).toBe(0);
    expect(readFileSync(join(dir, 'back')).equals(bytes)).toBe(true);
    expect((await run('rados', '-p', 'p', 'ls')).out).toBe('big\n');
    expect((await run('rados', '-p', 'p', 'stat', 'big')).out).toMatch(
      /^p\/big mtime .* size 6000000\n$/,
    );
    expect(await run('rados', '-p', 'p', 'get', 'none', '/dev/null')).toMatchObject({ code: 1 });
    const version = await run('ceph', 'tell', 'osd.1', 'version');
    expect(JSON.parse(version.out)).toMatchObject({ release: 'pacific', release_type: 'stable' });
    const status = await run('ceph', 'tell', 'osd.2', 'status');
    expect(JSON.parse(status.out)).toMatchObject({ whoami: 2, state: 'active' });
    const unknown = await run('ceph', 'tell', 'osd.0', 'config', 'get', 'nonsense');
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain("error getting 'nonsense': (2) No such file or directory");
    expect((await run('rados', '-p', 'p', 'rm', 'big')).code).toBe(0);
    expect((await run('rados', '-p', 'p', 'ls')).out).toBe('');
    rmSync(dir, { recursive: true, force: true });
  });
});
