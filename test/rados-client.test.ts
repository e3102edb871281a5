// The same claims about the TypeScript client, on Sepiola and on a real Ceph.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ALL_NAMESPACES,
  CephError,
  connect,
  type Pool,
  type Rados,
  ReadOp,
  WriteOp,
} from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';
import { collect } from './support/collect.ts';
import { interopSkip } from './support/interop.ts';
import { referenceMissing, startReference } from './support/reference-cluster.ts';
import { pause } from './support/until.ts';

interface Server {
  readonly conf: string;
  stop(): Promise<void>;
}

async function ours(): Promise<Server> {
  const cluster = await startCluster({ osds: 3 });
  return { conf: await cluster.writeConf(), stop: () => cluster.close() };
}

const servers: [string, string | undefined, () => Promise<Server>][] = [
  ['Sepiola', undefined, ours],
  ['Ceph', interopSkip(referenceMissing()), () => startReference(1)],
];

async function code(p: Promise<unknown>): Promise<string> {
  try {
    await p;
  } catch (e) {
    if (e instanceof CephError) return e.code;
    throw e;
  }
  return 'ok';
}

describe.each(servers)('the client on %s %s', (_name, missing, start) => {
  let server: Server;
  let rados: Rados;
  let pool: Pool;

  beforeAll(async () => {
    if (missing) return;
    server = await start();
    rados = await connect({ conf: server.conf });
    pool = await rados.createPool('client', { pgNum: 8 });
  });
  afterAll(async () => {
    await rados?.close();
    await server?.stop();
  });
  const it = test.skipIf(missing !== undefined);

  it('creates, lists and deletes pools', async () => {
    const made = await rados.createPool('short-lived', { pgNum: 4 });
    await made.object('x').writeFull('x');
    expect(rados.pools().map((p) => p.name)).toContain('short-lived');
    expect(await code(rados.createPool('short-lived'))).toBe('EEXIST');
    await rados.deletePool('short-lived');
    expect(rados.pools().map((p) => p.name)).not.toContain('short-lived');
    expect(await code(rados.pool('short-lived'))).toBe('ENOENT');
    expect(await code(made.object('x').stat())).toBe('ENOENT');
  });

  it('writes, reads, appends, truncates, zeroes, removes', async () => {
    const o = pool.object('basic');
    expect(await code(o.read())).toBe('ENOENT');
    expect(await code(o.remove())).toBe('ENOENT');
    await o.write('hello');
    expect((await o.read()).toString()).toBe('hello');
    await o.write('XY', { offset: 7 });
    expect(await o.read()).toEqual(Buffer.from('hello\0\0XY'));
    await o.append('!');
    expect((await o.stat()).size).toBe(10);
    await o.truncate(3);
    expect((await o.read()).toString()).toBe('hel');
    await o.truncate(6);
    expect(await o.read()).toEqual(Buffer.from('hel\0\0\0'));
    await o.writeFull('0123456789');
    await o.zero(2, 3);
    expect(await o.read()).toEqual(Buffer.from('01\0\0\x0056789'));
    expect((await o.read({ offset: 8, length: 100 })).toString()).toBe('89');
    expect((await o.read({ offset: 100, length: 1 })).length).toBe(0);
    await o.remove();
    expect(await code(o.stat())).toBe('ENOENT');
  });

  it('has writes acknowledged at every level', async () => {
    const o = pool.object('levels');
    let version = 0n;
    for (const ack of ['memory', 'journal', 'disk'] as const) {
      const written = await o.append(`${ack} `, { ack });
      expect(written.version).toBeGreaterThan(version);
      version = written.version;
    }
    expect((await o.read()).toString()).toBe('memory journal disk ');
    const many = Array.from({ length: 60 }, (_, i) => {
      const ack = (['memory', 'journal', 'disk'] as const)[i % 3]!;
      return o.append('x', { ack });
    });
    await Promise.all(many);
    expect((await o.stat()).size).toBe(20 + 60);
    expect(await code(o.create({ exclusive: true, ack: 'memory' }))).toBe('EEXIST');
    await o.remove({ ack: 'disk' });
    expect(await code(o.stat())).toBe('ENOENT');
  });

  it('keeps megabytes byte for byte', async () => {
    const data = Buffer.alloc(9 << 20);
    for (let i = 0; i < data.length; i += 4) data.writeUInt32LE((i * 2654435761) >>> 0, i);
    const o = pool.object('big');
    await o.writeFull(data);
    expect((await o.read()).equals(data)).toBe(true);
    const middle = await o.read({ offset: 1_234_567, length: 5_000_001 });
    expect(middle.equals(data.subarray(1_234_567, 6_234_568))).toBe(true);
  });

  it('refuses what exceeds the limits with the errno of Ceph', async () => {
    const o = pool.object('limits');
    expect(await code(o.write('x', { offset: 128 << 20 }))).toBe('EFBIG');
    expect(await code(o.truncate((128 << 20) + 1))).toBe('ok'); // of a missing object: nothing to do
    expect(await code(o.stat())).toBe('ENOENT');
    await pool.object('small').writeFull('x');
    expect(await code(pool.object('small').truncate((128 << 20) + 1))).toBe('EFBIG');
    expect(await code(pool.object('n'.repeat(2049)).writeFull('x'))).toBe('ENAMETOOLONG');
    expect(await code(o.setXattr('n'.repeat(300), 'x'))).toBe('ENAMETOOLONG');
    expect(await code(o.stat())).toBe('ENOENT');
  });

  it('has attributes', async () => {
    const o = pool.object('attrs');
    await o.setXattr('a', 'one');
    await o.setXattr('b', Buffer.from([0, 255]));
    expect((await o.getXattr('a')).toString()).toBe('one');
    expect(new Map([...(await o.xattrs())].map(([k, v]) => [k, [...v]]))).toEqual(
      new Map([
        ['a', [...Buffer.from('one')]],
        ['b', [0, 255]],
      ]),
    );
    await o.rmXattr('a');
    expect(await code(o.getXattr('a'))).toBe('ENODATA');
    expect((await o.stat()).size).toBe(0);
  });

  it('pages through a large omap in key order', async () => {
    const o = pool.object('omap');
    const keys = Array.from({ length: 2500 }, (_, i) => `key-${String(i).padStart(5, '0')}`);
    for (let i = 0; i < keys.length; i += 500) {
      await o.setOmap(Object.fromEntries(keys.slice(i, i + 500).map((k) => [k, `v${k}`])));
    }
    const all = await collect(o.omap({ pageSize: 700 }));
    expect(all.map(([k]) => k)).toEqual(keys);
    expect(all.every(([k, v]) => v.toString() === `v${k}`)).toBe(true);
    const some = await collect(o.omap({ after: 'key-00997', prefix: 'key-009' }));
    expect(some.map(([k]) => k)).toEqual(['key-00998', 'key-00999']);
    expect([...(await o.omapValues(['key-00001', 'none'])).keys()]).toEqual(['key-00001']);
    await o.rmOmapKeys(['key-00000']);
    await o.setOmapHeader('head');
    expect((await o.omapHeader()).toString()).toBe('head');
    expect((await collect(o.omap()))[0]![0]).toBe('key-00001');
    await o.clearOmap();
    expect(await collect(o.omap())).toEqual([]);
  });

  it('applies an op vector whole or not at all', async () => {
    const o = pool.object('vector');
    await o.write(new WriteOp().create({ exclusive: true }).writeFull('v1').setXattr('n', '1'));
    expect(await code(o.create({ exclusive: true }))).toBe('EEXIST');
    const failing = new WriteOp().writeFull('v2').compareXattr('n', 'EQ', '2').setXattr('n', '3');
    expect(await code(o.write(failing))).toBe('ECANCELED');
    expect((await o.read()).toString()).toBe('v1');
    await o.write(new WriteOp().compareXattr('n', 'EQ', 1n).writeFull('v2').setOmap({ k: 'v' }));
    const [info, data, n, omap] = await o.read(
      new ReadOp().stat().read(0, 100).getXattr('n').omapPage(),
    );
    expect(info.size).toBe(2);
    expect(data.toString()).toBe('v2');
    expect(n.toString()).toBe('1');
    expect(omap.entries.map(([k, v]) => [k, v.toString()])).toEqual([['k', 'v']]);
    expect(omap.next).toBeUndefined();
  });

  it('tells versions, and asserts them', async () => {
    const o = pool.object('versions');
    const first = (await o.writeFull('1')).version;
    const second = (await o.writeFull('2')).version;
    expect(second).toBeGreaterThan(first);
    expect(await code(o.write(new WriteOp().assertVersion(first).writeFull('3')))).toBe('ERANGE');
    await o.write(new WriteOp().assertVersion(second).writeFull('3'));
    expect((await o.read()).toString()).toBe('3');
  });

  it('lists every object once, by namespace', async () => {
    const list = await rados.createPool('listing', { pgNum: 8 });
    const names = Array.from({ length: 300 }, (_, i) => `object ${i}`);
    await Promise.all(names.map((n) => list.object(n).writeFull(n)));
    await list.in('other').object('elsewhere').writeFull('x');
    await list.object('with key', { key: 'place' }).writeFull('x');
    await list.object('ünïcode').writeFull('x');
    const own = await collect(list.objects());
    expect(own.map((o) => o.name).sort()).toEqual([...names, 'with key', 'ünïcode'].sort());
    expect(own.find((o) => o.name === 'with key')!.key).toBe('place');
    expect((await collect(list.in('other').objects())).map((o) => o.name)).toEqual(['elsewhere']);
    expect((await collect(list.objects({ namespace: ALL_NAMESPACES }))).length).toBe(303);
    await list.in('größer').object('far').writeFull('x');
    const far = await collect(list.objects({ namespace: 'größer' }));
    expect(far.map((o) => [o.namespace, o.name])).toEqual([['größer', 'far']]);
    expect(await code(list.object('with key').stat())).toBe('ENOENT');
    expect((await list.object('with key', { key: 'place' }).stat()).size).toBe(1);
  });

  it('reads ranges of a sparse object', async () => {
    const o = pool.object('sparse');
    await o.write(Buffer.alloc(4096, 1), { offset: 1 << 20 });
    const [ranges] = await o.read(new ReadOp().sparseRead(0, 2 << 20));
    const found = ranges.filter((r) => r.data.some((b) => b !== 0));
    expect(found.map((r) => [r.offset, r.data.length])).toEqual([[1 << 20, 4096]]);
  });

  it('ends a call at its timeout or signal', async () => {
    const o = pool.object('abort');
    const ended = AbortSignal.abort(new Error('enough'));
    await expect(o.writeFull('x', { signal: ended })).rejects.toThrow('enough');
    const tell = { prefix: 'version' };
    await expect(rados.tell(0, tell, { signal: ended })).rejects.toThrow('enough');
    const closed = await connect({ conf: server.conf });
    await closed.close();
    expect(await code(closed.tell(0, tell, { timeoutMs: 3000 }))).toBe('ESHUTDOWN');
    expect(await code(closed.command({ prefix: 'status' }))).toBe('ESHUTDOWN');
    const soon = new AbortController();
    const call = o.read({ signal: soon.signal });
    soon.abort(new Error('stop'));
    await expect(call).rejects.toThrow('stop');
    expect(await code(connect({ monHost: 'v2:127.0.0.1:9', timeoutMs: 200 }))).toBe('ETIMEDOUT');
  });

  it('goes on when an OSD is marked down and comes back', async () => {
    const o = pool.object('through it all');
    let last = 0;
    let stop = false;
    const writing = (async () => {
      while (!stop) await o.writeFull(String(++last));
    })();
    for (let round = 0; round < 3; round++) {
      await rados.command({ prefix: 'osd down', ids: ['0'] });
      const before = last;
      while (last < before + 20) await pause(20);
    }
    stop = true;
    await writing;
    expect((await o.read()).toString()).toBe(String(last));
  });

  it('reports usage and runs commands', async () => {
    const stats = await rados.stats();
    expect(stats.totalBytes).toBeGreaterThan(stats.availableBytes - 1);
    const { output } = await rados.command({ prefix: 'osd pool ls', format: 'json' });
    expect(JSON.parse(output.toString())).toContain('client');
    expect(await code(rados.command({ prefix: 'no such command' }))).toBe('EINVAL');
    expect(await code(rados.command({ prefix: 'osd pool get', pool: 'nope', var: 'size' }))).toBe(
      'ENOENT',
    );
  });
});
