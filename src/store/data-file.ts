import { CephError } from '../errors/index.ts';
import type { Disk, DiskFile } from '../runtime/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import { DevicePart } from './device-part.ts';
import { FIGURES_KEY, FORMAT_KEY, FSID_KEY, SIZE_KEY, START_KEY, STRIPE_KEY } from './keys.ts';
import { readLabel, refuseForeign, type StoreLabel, writeLabel } from './label.ts';
import { checkFormat, dataPath, FORMAT, type StorePlace, textAt } from './store-files.ts';
import { encodeFigures, NO_FIGURES } from './store-space.ts';
import type { WideKeyValue } from './wide-key-value.ts';

const DEFAULT_SIZE_BYTES = 10 * 2 ** 30;
const UNITS_MIN = 64;
/** An extent's place is 32 bits of 4 KiB. */
const UNITS_MAX = 2 ** 32;
const STRIPE_MAX = 64 * 2 ** 20;
/** Parts of a device begin at multiples of this, or of its stripes. */
const PART_ALIGN_BYTES = 2 ** 20;

/** What a store is made with; a later open may leave out all of it. */
export interface NewStore {
  /** Names the store for ever; a later open with another name is refused. */
  fsid?: string;
  /** What the store may hold; default 10 GiB. A file is sparse. A device is taken whole, whatever is said here. */
  sizeBytes?: number;
  /** Where data go: a block device, or a file elsewhere, to which `block` in the store's directory becomes a link. */
  blockPath?: string;
  /**
   * Which of so many equal parts of a device it has; default: all of it. Part 0 is made and opened first: it keeps others
   * off the device, and off what they keep there. A file is never parted.
   */
  devicePart?: { readonly index: number; readonly count: number };
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
  const { disk, crc32c, direct = 'auto' } = place;
  const isLater = isNew ? (made.devicePart?.index ?? 0) > 0 : startOf(kv) > 0;
  const whole = await disk.open(path, { create: isNew, direct, isClaimed: isLater });
  try {
    if (isNew) await make(whole, kv, made, crc32c);
    const file = partOf(whole, kv);
    await checkLabel(file, kv, crc32c);
    return file;
  } catch (error) {
    await whole.close();
    throw error;
  }
}

/** Opens the data file of a store that is there, whatever its label says. */
export async function openOldData(disk: Disk, path: string, kv: WideKeyValue): Promise<DiskFile> {
  return partOf(await disk.open(path, { isClaimed: startOf(kv) > 0 }), kv);
}

/** What of a device is the store's. */
function partOf(whole: DiskFile, kv: WideKeyValue): DiskFile {
  const isPart = kv.get(START_KEY) !== undefined;
  return isPart ? new DevicePart(whole, startOf(kv), Number(textAt(kv, SIZE_KEY))) : whole;
}

function startOf(kv: WideKeyValue): number {
  return Number(textAt(kv, START_KEY));
}

function checkIdentity(path: string, format: string, fsid: string, wanted?: string): void {
  checkFormat(path, format);
  if (wanted !== undefined && wanted !== fsid) {
    throw new CephError('EINVAL', `${path} belongs to ${fsid}, not ${wanted}`);
  }
}

async function make(
  file: DiskFile,
  kv: WideKeyValue,
  made: NewStore,
  crc32c: StorePlace['crc32c'],
): Promise<void> {
  for (const { key } of kv.range('', '\xff')) {
    const what = `the store holds ${JSON.stringify(key)}, but not what it is`;
    throw new CephError('EIO', `${file.path}: ${what}`);
  }
  const { stripeBytes = 0 } = made;
  if (stripeBytes < 0 || stripeBytes > STRIPE_MAX || stripeBytes % BLOCK_BYTES !== 0) {
    throw new CephError('EINVAL', `stripes of ${stripeBytes} bytes`);
  }
  const { sizeBytes, start } = roomOf(file, made, crc32c);
  if (start) refuseLabel(new DevicePart(file, start, sizeBytes), crc32c);
  else refuseForeign(file);
  // Labels that stores before have left elsewhere go when part 0 takes the device.
  const parts = start === 0 ? made.devicePart!.count : 1;
  for (let i = 1; i < parts; i++) await file.write([Buffer.alloc(BLOCK_BYTES)], i * sizeBytes);
  if (!file.isDevice) await file.truncate(sizeBytes);
  await file.sync();
  const identity = new Map([
    [FORMAT_KEY, Buffer.from(FORMAT)],
    [FSID_KEY, Buffer.from(made.fsid ?? '')],
    [SIZE_KEY, Buffer.from(String(sizeBytes))],
    [FIGURES_KEY, encodeFigures(NO_FIGURES)],
  ]);
  if (start !== undefined) identity.set(START_KEY, Buffer.from(String(start)));
  if (stripeBytes > 0) identity.set(STRIPE_KEY, Buffer.from(String(stripeBytes)));
  await kv.commit(identity);
}

/** Since part 0 was made there has been a store in this part, and its metadata are lost. */
function refuseLabel(part: DiskFile, crc32c: StorePlace['crc32c']): void {
  const label = readLabel(part, crc32c);
  if (!label) return;
  throw new CephError(
    'EEXIST',
    `${part.path} holds a part of ${label.fsid} whose metadata are lost`,
  );
}

/** What the store is to have, and where that begins if it is a part of a device. */
function roomOf(
  file: DiskFile,
  made: NewStore,
  crc32c: StorePlace['crc32c'],
): { sizeBytes: number; start?: number } {
  const { sizeBytes = DEFAULT_SIZE_BYTES, stripeBytes, devicePart } = made;
  if (!file.isDevice) return { sizeBytes: checkSize(sizeBytes) };
  if (!devicePart) return { sizeBytes: checkSize(alignDown(file.size(), BLOCK_BYTES)) };
  const { index, count } = devicePart;
  const partBytes =
    index === 0
      ? alignDown(file.size() / count, stripeBytes || PART_ALIGN_BYTES)
      : firstPartBytes(file, made, crc32c);
  if (count * partBytes > file.size()) {
    const what = `no room for ${count} parts of ${partBytes} bytes`;
    throw new CephError('EINVAL', `${file.path}: ${what}`);
  }
  return { sizeBytes: checkSize(partBytes), start: index * partBytes };
}

/** Parts are made one by one, and what sizes follow from may change meanwhile: all are as large as part 0. */
function firstPartBytes(
  file: DiskFile,
  { fsid = '' }: NewStore,
  crc32c: StorePlace['crc32c'],
): number {
  const first = readLabel(file, crc32c);
  if (first?.fsid === fsid) return first.sizeBytes;
  throw new CephError('EINVAL', `${file.path}: its part 0 is none of store ${fsid}`);
}

function alignDown(bytes: number, align: number): number {
  return align * Math.floor(bytes / align);
}

function checkSize(sizeBytes: number): number {
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
  // In the middle of a device there may be anything that a store has left which had all of it.
  if (startOf(kv) === 0) refuseForeign(file, wanted);
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
