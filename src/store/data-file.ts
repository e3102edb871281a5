import { CephError } from '../errors/index.ts';
import type { DiskFile } from '../runtime/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import { FIGURES_KEY, FORMAT_KEY, FSID_KEY, SIZE_KEY, STRIPE_KEY } from './keys.ts';
import { readLabel, refuseForeign, type StoreLabel, writeLabel } from './label.ts';
import { checkFormat, dataPath, FORMAT, type StorePlace, textAt } from './store-files.ts';
import { encodeFigures, NO_FIGURES } from './store-space.ts';
import type { WideKeyValue } from './wide-key-value.ts';

const DEFAULT_SIZE_BYTES = 10 * 2 ** 30;
const UNITS_MIN = 64;
/** An extent's place is 32 bits of 4 KiB. */
const UNITS_MAX = 2 ** 32;
const STRIPE_MAX = 64 * 2 ** 20;

/** What a store is made with; a later open may leave out all of it. */
export interface NewStore {
  /** Names the store for ever; a later open with another name is refused. */
  fsid?: string;
  /** What the store may hold; default 10 GiB. A file is sparse. A device is taken whole, whatever is said here. */
  sizeBytes?: number;
  /** Where data go: a block device, or a file elsewhere, to which `block` in the store's directory becomes a link. */
  blockPath?: string;
  /** Width of the device's stripes, a multiple of 4 KiB: large writes begin at multiples of it where there is room. */
  stripeBytes?: number;
}

/**
 * Opens the data file, making it and the store's identity when there is none. The identity becomes durable before the
 * label: a label without it is of a store whose metadata was lost, and nothing is made over that.
 * @throws CephError EINVAL for another format, another store or numbers that make no sense, EEXIST for somebody else's
 *   data, EBUSY for a device that somebody has, EIO for damage
 */
export async function openData(
  place: StorePlace,
  kv: WideKeyValue,
  made: NewStore,
): Promise<DiskFile> {
  const path = dataPath(place);
  const format = textAt(kv, FORMAT_KEY);
  const isNew = format === '';
  if (!isNew) checkIdentity(path, format, textAt(kv, FSID_KEY), made.fsid);
  else if (made.blockPath !== undefined && !(await place.disk.exists(path))) {
    await place.disk.link(made.blockPath, path);
  }
  const { direct = 'auto' } = place;
  const file = await place.disk.open(path, { create: isNew, direct });
  try {
    if (isNew) await make(file, kv, made);
    await checkLabel(file, kv, place.crc32c);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function checkIdentity(path: string, format: string, fsid: string, wanted?: string): void {
  checkFormat(path, format);
  if (wanted !== undefined && wanted !== fsid) {
    throw new CephError('EINVAL', `${path} belongs to ${fsid}, not ${wanted}`);
  }
}

async function make(file: DiskFile, kv: WideKeyValue, made: NewStore): Promise<void> {
  for (const { key } of kv.range('', '\xff')) {
    const what = `the store holds ${JSON.stringify(key)}, but not what it is`;
    throw new CephError('EIO', `${file.path}: ${what}`);
  }
  const sizeBytes = sizeOf(file, made.sizeBytes);
  const { stripeBytes = 0 } = made;
  if (stripeBytes < 0 || stripeBytes > STRIPE_MAX || stripeBytes % BLOCK_BYTES !== 0) {
    throw new CephError('EINVAL', `stripes of ${stripeBytes} bytes`);
  }
  refuseForeign(file);
  if (!file.isDevice) await file.truncate(sizeBytes);
  await file.sync();
  const identity = new Map([
    [FORMAT_KEY, Buffer.from(FORMAT)],
    [FSID_KEY, Buffer.from(made.fsid ?? '')],
    [SIZE_KEY, Buffer.from(String(sizeBytes))],
    [FIGURES_KEY, encodeFigures(NO_FIGURES)],
  ]);
  if (stripeBytes > 0) identity.set(STRIPE_KEY, Buffer.from(String(stripeBytes)));
  await kv.commit(identity);
}

function sizeOf(file: DiskFile, wanted = DEFAULT_SIZE_BYTES): number {
  const sizeBytes = file.isDevice ? file.size() - (file.size() % BLOCK_BYTES) : wanted;
  const units = sizeBytes / BLOCK_BYTES;
  if (!Number.isSafeInteger(sizeBytes) || units < UNITS_MIN || units > UNITS_MAX) {
    throw new CephError('EINVAL', `a store of ${sizeBytes} bytes`);
  }
  return sizeBytes;
}

async function checkLabel(
  file: DiskFile,
  kv: WideKeyValue,
  crc32c: StorePlace['crc32c'],
): Promise<void> {
  const label = readLabel(file, crc32c);
  const wanted = labelOf(kv);
  const { fsid, sizeBytes } = wanted;
  if (label) {
    if (label.fsid !== fsid) {
      throw new CephError('EINVAL', `${file.path} holds data of store ${label.fsid}, not ${fsid}`);
    }
    if (file.isDevice && file.size() < sizeBytes) {
      throw new CephError('EIO', `${file.path} has ${file.size()} bytes, not ${sizeBytes}`);
    }
    return;
  }
  if (!isUntouched(kv)) {
    throw new CephError('EIO', `${file.path}: its label is damaged, or it is not the store's`);
  }
  refuseForeign(file, wanted);
  await writeLabel(file, wanted, crc32c);
}

/** What the label must say. */
export function labelOf(kv: WideKeyValue): StoreLabel {
  const sizeBytes = Number(textAt(kv, SIZE_KEY));
  return { format: textAt(kv, FORMAT_KEY), fsid: textAt(kv, FSID_KEY), sizeBytes };
}

/** Whether nothing was ever stored: the making may have been cut short before there was a label. */
export function isUntouched(kv: WideKeyValue): boolean {
  const figures = kv.get(FIGURES_KEY);
  return figures !== undefined && encodeFigures(NO_FIGURES).equals(figures);
}
