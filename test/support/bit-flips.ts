import type { KeyValueOp } from '../../src/runtime/index.ts';
import { type Content, type Dice, type DiskImage, SimDisk } from './sim-disk.ts';

/** Where a bit was changed. */
export interface Flip {
  readonly where: 'data' | 'journal' | 'key' | 'value';
  readonly text: string;
  readonly image: DiskImage;
}

/**
 * A copy of a disk with one bit changed.
 * @param units the units of the data file that hold something
 */
export async function flipped(
  image: DiskImage,
  units: readonly number[],
  roll: Dice,
): Promise<Flip> {
  const copy = new SimDisk(1, image).snapshot();
  const bit = 1 << roll(8);
  const kind = roll(10);
  if (kind < 4) {
    const at = units[roll(units.length)]! * 4096 + roll(4096);
    flipByte(copy.files.get('/sim/block')!, at, bit);
    return { where: 'data', text: `byte ${at}`, image: copy };
  }
  if (kind < 6) {
    const journal = copy.files.get('/sim/db/journal') ?? copy.files.get('/sim/journal')!;
    const at = roll(journal.size);
    flipByte(journal, at, bit);
    return { where: 'journal', text: `byte ${at}`, image: copy };
  }
  const kv = copy.stores.get('/sim/db')!;
  const entries = [...kv.range('', '\xff'.repeat(9))];
  const { key, value } = entries[roll(entries.length)]!;
  const at = roll(kind < 7 ? key.length : value.length);
  const batch: KeyValueOp[] = [{ op: 'del', key }];
  if (kind < 7) {
    const other =
      key.slice(0, at) + String.fromCharCode(key.charCodeAt(at) ^ bit) + key.slice(at + 1);
    batch.push({ op: 'put', key: other, value });
  } else {
    const changed = Buffer.from(value);
    changed[at]! ^= bit;
    batch.push({ op: 'put', key, value: changed });
  }
  await kv.commit(batch);
  return {
    where: kind < 7 ? 'key' : 'value',
    text: `byte ${at} of ${JSON.stringify(key.slice(0, 30))}`,
    image: copy,
  };
}

function flipByte(file: Content, at: number, bit: number): void {
  const byte = Buffer.alloc(1);
  file.read(byte, at);
  file.write(at, Buffer.from([byte[0]! ^ bit]));
}
