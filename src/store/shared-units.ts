import { assert } from '../errors/index.ts';
import { sharedKey } from './keys.ts';

/** Units whose counts are kept under one key. */
export const SHARED_CHUNK = 256;
const CHUNK = SHARED_CHUNK;

/** How the counts are read and changed: within the group that gathers. */
interface Records {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array | null): void;
  /** All counts together grew, or shrank, by this. */
  grew(by: number): void;
}

/**
 * How many objects beside the first refer to a unit, for units that a clone shares. Only extents marked as shared are
 * looked up; a unit without an entry has one owner.
 */
export class SharedUnits {
  private readonly records: Records;

  constructor(records: Records) {
    this.records = records;
  }

  /** One more object refers to these units. */
  add(unit: number, count: number): void {
    this.records.grew(count);
    this.change(unit, count, (counts, i) => {
      counts.writeUInt32LE(counts.readUInt32LE(i * 4) + 1, i * 4);
    });
  }

  /** One object refers to them no longer. @param free called for each run that nobody refers to now */
  drop(unit: number, count: number, free: (unit: number, count: number) => void): void {
    let run = 0;
    this.change(unit, count, (counts, i, u) => {
      const extra = counts.readUInt32LE(i * 4);
      if (extra === 0) {
        run++;
        return;
      }
      counts.writeUInt32LE(extra - 1, i * 4);
      this.records.grew(-1);
      if (run > 0) free(u - run, run);
      run = 0;
    });
    if (run > 0) free(unit + count - run, run);
  }

  private change(
    unit: number,
    count: number,
    each: (counts: Buffer, index: number, unit: number) => void,
  ): void {
    for (let at = unit; at < unit + count; ) {
      const chunk = Math.floor(at / CHUNK);
      const end = Math.min(unit + count, (chunk + 1) * CHUNK);
      const key = sharedKey(chunk);
      const old = this.records.get(key);
      const counts = old ? Buffer.from(old) : Buffer.alloc(CHUNK * 4);
      assert(counts.length === CHUNK * 4, 'a chunk of counts has its length');
      for (; at < end; at++) each(counts, at - chunk * CHUNK, at);
      this.records.set(key, counts.some((b) => b !== 0) ? counts : null);
    }
  }
}
