import { expect, it } from 'vitest';
import type { KeyValueOp } from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { recordBytes } from '../src/store/journal-area.ts';
import { JournaledKeyValue } from '../src/store/journaled-key-value.ts';
import { dice, SimDisk } from './support/sim-disk.ts';

const open = async (disk: SimDisk, areaBytes = 1500) =>
  JournaledKeyValue.open({
    file: await disk.open('/journal', { create: true }),
    kv: await disk.openKeyValue('/db'),
    crc32c: nativeCrc32c,
    areaBytes,
    sliceOps: 2, // so that the power fails between slices too
  });

/** Sizes differ, so that records end everywhere in an area; some are too large for one. */
function contentOf(i: number): Buffer {
  return Buffer.alloc(20 + (i % 5) * (i % 7 === 0 ? 120 : 10), i);
}

/** Batch i writes its value to several keys, adds one key and removes the one that batch i - 3 added. */
function batchOf(i: number): KeyValueOp[] {
  const value = contentOf(i);
  return [
    ...['a', 'm', 'z'].map((key) => ({ op: 'put' as const, key, value })),
    { op: 'put', key: `k${String(i).padStart(4, '0')}`, value: Buffer.alloc(0) },
    i % 2 === 0
      ? { op: 'del', key: `k${String(i - 3).padStart(4, '0')}` }
      : { op: 'delRange', from: 'k', to: `k${String(i - 2).padStart(4, '0')}` },
  ];
}

/** What the store shows, or undefined when the keys of one batch disagree. */
function stateOf(kv: JournaledKeyValue): number | undefined {
  const values = ['a', 'm', 'z'].map((key) => kv.get(key));
  if (values.every((v) => v === undefined)) return -1;
  if (values.some((v) => !v?.equals(values[0]!))) return undefined;
  const keys = [...kv.range('k', 'l')].map((e) => Number(e.key.slice(1)));
  const last = keys.at(-1)!;
  const expected = [last - 2, last - 1, last].filter((k) => k >= 0);
  if (JSON.stringify(keys) !== JSON.stringify(expected)) return undefined;
  return values[0]!.equals(contentOf(last)) ? last : undefined;
}

it('JournaledKeyValue keeps whole batches in order, wherever the power fails, again and again', async () => {
  let more = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const roll = dice(seed);
    let disk = new SimDisk(seed);
    let kv = await open(disk);
    let next = 0;
    for (let round = 0; round < 6; round++) {
      disk.failAt = disk.steps + 1 + roll(30);
      let acked = next - 1;
      for (let i = 0; i < 40 && !disk.dead; i++) {
        const number = next++;
        kv.commit(batchOf(number)).then(
          () => {
            acked = number;
          },
          () => {},
        );
        for (let n = roll(8); n > 0; n--) await null;
      }
      for (let i = 0; i < 200 && !disk.dead; i++) await null;
      disk = disk.reboot();
      kv = await open(disk);
      const state = stateOf(kv);
      if (state === undefined || state < acked) {
        throw new Error(`seed ${seed} round ${round}: ${acked} acknowledged, found ${state}`);
      }
      if (state > acked) more++;
      next = state + 1;
    }
    await kv.close();
    kv = await open(disk);
    expect(stateOf(kv)).toBe(next - 1);
  }
  expect(more).toBeGreaterThan(10);
});

it('JournaledKeyValue finds what was written when its areas had another size', async () => {
  for (const count of [1, 4, 9, 16]) {
    let disk = new SimDisk(count);
    let kv = await open(disk, 1500);
    for (let i = 0; i < count; i++) await kv.commit(batchOf(i));
    disk = disk.reboot();
    kv = await open(disk, 4000);
    expect(stateOf(kv)).toBe(count - 1);
    for (let i = count; i < 2 * count; i++) await kv.commit(batchOf(i));
    disk = disk.reboot();
    kv = await open(disk, 1500);
    expect(stateOf(kv)).toBe(2 * count - 1);
  }
});

it('JournaledKeyValue makes durable what begins an area while what fills the other to its last byte is written', async () => {
  const areaBytes = 1500;
  const put = (key: string, bytes: number): KeyValueOp[] => [
    { op: 'put', key, value: Buffer.alloc(bytes, key) },
  ];
  // The file's first area is behind its second in some rounds and before it in others.
  for (let rounds = 1; rounds <= 3; rounds++) {
    let disk = new SimDisk(rounds);
    let kv = await open(disk, areaBytes);
    let used = 0;
    for (let round = 0; round < rounds; round++) {
      const first = put('first', 10);
      const left = areaBytes - used - recordBytes(first) - recordBytes(put('filler', 0));
      const last = put(`last${round}`, 10);
      await Promise.all([
        kv.commit(first), // is being written when the others come
        kv.commit(put('filler', left)),
        kv.commit(last),
      ]);
      used = recordBytes(last);
      for (let i = 0; i < 200; i++) await null; // the full area is applied: the next can be begun at once
    }
    disk = disk.reboot();
    kv = await open(disk, areaBytes);
    for (let round = 0; round < rounds; round++) {
      expect(kv.get(`last${round}`), `round ${round} of ${rounds}`).toBeDefined();
    }
  }
});
