import { CephError } from '../errors/index.ts';
import type { DirectMode, Disk, DiskFile, KeyValue } from '../runtime/index.ts';
import { CheckedKeyValue } from './checked-key-value.ts';
import type { FindCompressor } from './compression.ts';
import { MARK } from './journal-mark.ts';
import { refuseLostJournal } from './journal-replay.ts';
import { JournaledKeyValue } from './journaled-key-value.ts';
import { WideKeyValue } from './wide-key-value.ts';

/**
 * 2: values carry checksums, journal records say what was durable before them.
 * 3: all PGs' objects in one space, a label on the data.
 */
export const FORMAT = '3';
const JOURNAL_BYTES = 8 * 2 ** 20;
/** In the first format the mark of the journal was that long, or 8 bytes longer. */
const FIRST_MARK_BYTES = 8;

/** How the files of a store are reached. What they are made with is in NewStore. */
export interface StorePlace {
  /** The directory that holds the data file and the key/value store; made when missing. */
  path: string;
  disk: Disk;
  /** Opens the metadata store in the given directory. */
  openKeyValue: (path: string) => Promise<KeyValue>;
  crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Finds what compresses data and reads compressed data; without it there is none of either. */
  compressor?: FindCompressor;
  /** Whether data go past the system's page cache; default `auto`. */
  direct?: DirectMode;
  /** Bytes of metadata that are journaled before they go to the key/value store; default 8 MiB. */
  journalBytes?: number;
}

/** What hears of damage; where one is given, damage of that kind does not throw. */
export interface DamageListener {
  /** An entry of the key/value store that is not what was written, and so seems not to be there. */
  entry: (key: string) => void;
  /** The journal, of which only what comes before the damage is taken. */
  journal?: (what: string) => void;
}

/**
 * Opens the key/value store with its journal.
 * @throws CephError EINVAL for a store of an older format, EIO for damage
 */
export async function openMetadata(
  place: StorePlace,
  damage?: DamageListener,
): Promise<WideKeyValue> {
  const { disk, crc32c, path } = place;
  const raw = await place.openKeyValue(`${path}/db`);
  let file: DiskFile | undefined;
  try {
    const markBytes = raw.sizeOf(MARK);
    if (markBytes === FIRST_MARK_BYTES || markBytes === 2 * FIRST_MARK_BYTES) {
      checkFormat(path, '1');
    }
    const kv = new CheckedKeyValue(raw, crc32c, damage?.entry);
    const areaBytes = place.journalBytes ?? JOURNAL_BYTES;
    const isNew = !(await disk.exists(`${path}/journal`));
    const damaged = damage?.journal;
    if (isNew) refuseLostJournal(kv, { damaged });
    file = await disk.open(`${path}/journal`, { create: true, filledBytes: 2 * areaBytes });
    return new WideKeyValue(
      await JournaledKeyValue.open({ file, kv, crc32c, areaBytes, isNew, damaged }),
    );
  } catch (error) {
    await file?.close();
    await raw.close();
    throw error;
  }
}

/** The data of a store: a file, a block device, or a link to either. */
export function dataPath({ path }: Pick<StorePlace, 'path'>): string {
  return `${path}/block`;
}

/** A short text that stands under a key, '' when there is none. */
export function textAt(kv: WideKeyValue, key: string): string {
  return Buffer.from(kv.get(key) ?? '').latin1Slice();
}

/** @throws CephError EINVAL */
export function checkFormat(path: string, format: string): void {
  if (format !== FORMAT) throw new CephError('EINVAL', otherFormat(path, format));
}

function otherFormat(path: string, format: string): string {
  return `${path} is a store of format ${format}, and this release reads format ${FORMAT}; let the OSD be made anew and recover from the others`;
}
