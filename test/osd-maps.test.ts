import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { emptyIncremental, encodeIncremental, OSDMap, WEIGHT_ONE } from '../src/maps/index.ts';
import { OsdMaps } from '../src/osd/osd-maps.ts';
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
});
