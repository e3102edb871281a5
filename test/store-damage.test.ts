// What the store does when bytes it kept are not what it wrote.
import { expect, it } from 'vitest';
import { CephError } from '../src/errors/index.ts';
import { type KeyValue, silent } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/clock.ts';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { BlockStore } from '../src/store/index.ts';
import { SNAP_HEAD } from '../src/wire/index.ts';
import { SimDisk } from './support/sim-disk.ts';

const oid = { key: '', name: 'a', snap: SNAP_HEAD, hash: 1, max: false, namespace: '', pool: 1 };
const other = { ...oid, name: 'b' };

/** A key/value store that gives entries of a kind, small writes' bytes if not said otherwise, back wrong while `isDamaged`. */
function damaging(kv: KeyValue, damage: { isDamaged: boolean }, kind = 'D'): KeyValue {
  return new Proxy(kv, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      if (key !== 'get') return value.bind(target);
      return (name: string) => {
        const bytes = target.get(name);
        return damage.isDamaged && name.startsWith(kind) && bytes
          ? Buffer.alloc(bytes.length)
          : bytes;
      };
    },
  });
}

/** @param keys damage only what begins so */
function openOn(disk: SimDisk, damage: { isDamaged: boolean }, keys?: string): Promise<BlockStore> {
  return BlockStore.open({
    path: '/sim',
    disk,
    openKeyValue: async (path) => damaging(await disk.openKeyValue(path), damage, keys),
    crc32c: nativeCrc32c,
    log: silent,
    clock: systemClock,
    sizeBytes: 64 << 20,
    journalBytes: 4096,
  });
}

it('keeps nothing of a transaction in whose middle damage shows, and stops', async () => {
  const disk = new SimDisk(1);
  const damage = { isDamaged: false };
  const open = () => openOn(disk, damage);
  let store = await open();
  await store.submit([
    { op: 'mkcoll', c: 'c' },
    { op: 'write', c: 'c', oid, offset: 0, data: Buffer.from('0123456789') },
  ]);
  // More than a journal's area, so that the patch is read from the store below.
  for (let i = 0; i < 8; i++) {
    const attrs = new Map([['x', Buffer.alloc(1500, i)]]);
    await store.submit([{ op: 'setattrs', c: 'c', oid: other, attrs }]);
  }
  damage.isDamaged = true;
  const before = store.submit([{ op: 'touch', c: 'c', oid: { ...oid, name: 'before' } }]);
  const torn = store.submit([
    { op: 'setattrs', c: 'c', oid: other, attrs: new Map([['half', Buffer.from('1')]]) },
    { op: 'write', c: 'c', oid, offset: 3, data: Buffer.from('x') },
  ]);
  await expect(torn).rejects.toBeInstanceOf(CephError);
  await expect(before).rejects.toBeInstanceOf(CephError);
  await expect(store.submit([])).rejects.toBeInstanceOf(CephError);
  await store.close();
  damage.isDamaged = false;
  store = await open();
  expect(store.getattr('c', other, 'half')).toBeUndefined();
  expect(Buffer.from(await store.read('c', oid, 0, 10)).toString()).toBe('0123456789');
  await store.close();
});

it('removes an object whose record is damaged, so that another can take its place', async () => {
  const disk = new SimDisk(1);
  const damage = { isDamaged: false };
  const open = () => openOn(disk, damage, 'O');
  let store = await open();
  await store.submit([
    { op: 'mkcoll', c: 'c' },
    { op: 'write', c: 'c', oid, offset: 0, data: Buffer.from('0123456789') },
    { op: 'omapSet', c: 'c', oid, entries: new Map([['k', Buffer.from('v')]]) },
  ]);
  await store.close();
  damage.isDamaged = true;
  store = await open();
  expect(() => store.stat('c', oid)).toThrow(CephError);
  await store.submit([
    { op: 'remove', c: 'c', oid },
    { op: 'write', c: 'c', oid, offset: 0, data: Buffer.from('new') },
  ]);
  damage.isDamaged = false;
  await store.close();
  store = await open();
  expect(Buffer.from(await store.read('c', oid, 0, 10)).toString()).toBe('new');
  expect(store.omapList('c', oid, { from: '', limit: 9 }).entries).toEqual([]);
  await store.submit([{ op: 'remove', c: 'c', oid }]);
  expect(store.list('c', { ...oid, hash: 0, name: '' }, 9).objects).toEqual([]);
  await store.submit([{ op: 'rmcoll', c: 'c' }]);
  await store.close();
});
