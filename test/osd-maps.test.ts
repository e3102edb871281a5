import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { emptyIncremental, encodeIncremental, OSDMap, WEIGHT_ONE } from '../src/maps/index.ts';
import { OsdMaps, storedEpochs } from '../src/osd/osd-maps.ts';
import { openSuperblock } from '../src/osd/superblock.ts';
import { MemoryStore } from '../src/store/index.ts';
import { builtMap, FSID, nextMap } from './support/built-osdmap.ts';

const FIRST = { kind: 'full', epoch: 1 } as const;

describe('OsdMaps', () => {
  it('keeps the very first map until no shard begins there (seed 247)', async () => {
    const store = new MemoryStore();
    const superblock = await openSuperblock(store, { fsid: FSID, uuid: FSID, id: 0 });
    const maps = new OsdMaps(store, superblock, crc32c);
    let map = new OSDMap({ ...builtMap().data, epoch: 1 });
    const first = map.encode();
    maps.reached(map, undefined);
    for (let i = 0; i < 3; i++) {
      const patch = { newWeight: new Map([[i, WEIGHT_ONE - i]]) };
      const next = nextMap(map, patch);
      const change = {
        ...emptyIncremental({ ...next.data, modified: next.data.modified }),
        ...patch,
      };
      maps.reached(next, encodeIncremental(change, next));
      map = next;
    }
    const changes = [2, 3, 4].map((epoch) => ({ kind: 'change', epoch }) as const);
    const lead = () => [FIRST, ...changes].map((key) => maps.kept(key) !== undefined);
    expect(lead(), 'before they are stored').toEqual([true, true, true, true]);
    await store.submit(maps.commit(0));
    expect(lead()).toEqual([true, true, true, true]);
    expect(Buffer.compare(maps.kept(FIRST)!, first)).toBe(0);
    maps.reached(nextMap(map, { newWeight: new Map() }), Buffer.from('its bytes'));
    await store.submit(maps.commit(4));
    expect(lead()).toEqual([false, true, true, true]);
  });

  it('keeps what leads from the beginning, though the very first map came as a change', async () => {
    const store = new MemoryStore();
    const superblock = await openSuperblock(store, { fsid: FSID, uuid: FSID, id: 0 });
    const maps = new OsdMaps(store, superblock, crc32c);
    for (let epoch = 1; epoch <= 600; epoch++) {
      maps.reached(new OSDMap({ ...builtMap().data, epoch }), Buffer.from('its bytes'));
      if (epoch % 200 === 0) await store.submit(maps.commit(0));
    }
    expect(maps.kept(FIRST)).toBeDefined();
    const epochs = Array.from({ length: 599 }, (_, i) => i + 2);
    expect(epochs.filter((epoch) => !maps.kept({ kind: 'change', epoch }))).toEqual([]);
  });

  it('keeps no changes from before a gap once all shards are beyond it (seed 3618)', async () => {
    const store = new MemoryStore();
    const superblock = await openSuperblock(store, { fsid: FSID, uuid: FSID, id: 0 });
    const mapAt = (epoch: number) => new OSDMap({ ...builtMap().data, epoch });
    const change = Buffer.from('its bytes');
    const maps = new OsdMaps(store, superblock, crc32c);
    for (let epoch = 1; epoch <= 20; epoch++) {
      maps.reached(mapAt(epoch), epoch > 1 ? change : undefined);
      await store.submit(maps.commit(epoch));
    }
    expect(storedEpochs(store, 'i')).toHaveLength(19);
    maps.reached(mapAt(700), undefined);
    await store.submit(maps.commit(20));
    expect(storedEpochs(store, 'f'), 'a shard goes on at 20').toEqual([20, 700]);
    maps.reached(mapAt(701), change);
    await store.submit(maps.commit(700));
    expect(storedEpochs(store, 'i')).toEqual([701]);
    expect(storedEpochs(store, 'f')).toEqual([700, 701]);
  });
});
