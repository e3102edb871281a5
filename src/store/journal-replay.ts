import { Decoder } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import type { DiskFile, KeyValue } from '../runtime/index.ts';
import { readMark } from './journal-mark.ts';
import { HEADER_BYTES, type RecordHeader, recordAt, recordStart } from './journal-record.ts';
import type { SortedMap } from './sorted-map.ts';

export interface ReplayOptions {
  readonly file: DiskFile;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly areaBytes: number;
  /** Hears of damage, after which the records before it are all that is taken. Without it damage throws. */
  readonly damaged?: ((what: string) => void) | undefined;
}

/**
 * Adds to `found` what the two epochs after `applied` hold.
 *
 * A power failure may tear the records of the last write, and only those: each write waits for the one before. So a
 * record that cannot be read ends the journal, unless something says that it was durable once: a later record of its
 * epoch that counts it as durable, or the first record of the next epoch. That is damage, and what follows it must not
 * be taken for the present. So is an epoch that the store below is too old for.
 * @returns the last epoch that may be there
 * @throws CephError EIO
 */
export function replayJournal(
  options: ReplayOptions,
  applied: number,
  found: SortedMap<Buffer | null>,
): number {
  const areas = [applied + 1, applied + 2].map((epoch) => {
    const area = readArea(options, epoch);
    return { epoch, area, first: recordAt(options.crc32c, area, 0)?.header };
  });
  const newest = Math.max(applied + 2, ...areas.map((a) => a.first?.epoch ?? 0));
  const fail = (what: string): number => {
    journalFailure(options, what);
    return newest;
  };
  if (newest > applied + 2) {
    return fail(`it is at epoch ${newest}, and the key/value store at ${applied}`);
  }
  let before: number | undefined;
  for (const { epoch, area, first } of areas) {
    if (first?.epoch === epoch && before !== undefined && first.durable !== before) {
      return fail(`${before} of the ${first.durable} records of epoch ${epoch - 1} can be read`);
    }
    const end = take(options, area, epoch, found);
    const witness = laterRecord(options, area, epoch, end);
    if (witness) return fail(`record ${end.sequence} of epoch ${epoch} cannot be read`);
    before = end.sequence;
  }
  return newest;
}

/**
 * A journal that was not closed has a file. To be asked before one is made: whoever tries again would find that, empty,
 * and take it for all that there was.
 * @throws CephError EIO when nobody listens for damage
 */
export function refuseLostJournal(kv: KeyValue, options: Pick<ReplayOptions, 'damaged'>): void {
  if (readMark(kv)?.isClosed === false) journalFailure(options, 'its file is gone');
}

/** @throws CephError EIO when nobody listens for damage */
function journalFailure({ damaged }: Pick<ReplayOptions, 'damaged'>, what: string): void {
  if (!damaged) throw new CephError('EIO', `damaged journal: ${what}`);
  damaged(what);
}

interface End {
  readonly offset: number;
  readonly sequence: number;
}

/** @returns where the whole records of an epoch end, and how many they are */
function take(
  { crc32c }: ReplayOptions,
  area: Buffer,
  epoch: number,
  found: SortedMap<Buffer | null>,
): End {
  let offset = 0;
  for (let sequence = 0; ; sequence++) {
    const next = recordAt(crc32c, area, offset);
    if (next?.header.epoch !== epoch || next.header.sequence !== sequence) {
      return { offset, sequence };
    }
    const d = new Decoder(next.record, HEADER_BYTES);
    while (d.remaining > 0) {
      const keyLength = d.u32();
      const length = d.u32();
      const from = d.take(keyLength);
      const key = next.record.latin1Slice(from, from + keyLength);
      found.set(key, length === 0 ? null : d.view(length - 1));
    }
    offset += next.header.bytes;
  }
}

/** A record of the epoch behind its end that says that what should be at the end was durable. */
function laterRecord(
  { crc32c }: ReplayOptions,
  area: Buffer,
  epoch: number,
  end: End,
): RecordHeader | undefined {
  const start = recordStart(epoch);
  let at = area.indexOf(start, end.offset);
  for (; at >= 0; at = area.indexOf(start, at + 1)) {
    const header = recordAt(crc32c, area, at)?.header;
    if (header && header.sequence > end.sequence && header.durable > end.sequence) return header;
  }
  return undefined;
}

function readArea({ file, areaBytes }: ReplayOptions, epoch: number): Buffer {
  const area = Buffer.allocUnsafe(areaBytes);
  return area.subarray(0, file.readSync(area, (epoch % 2) * areaBytes));
}
