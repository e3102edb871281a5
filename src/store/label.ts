import { CephError } from '../errors/index.ts';
import type { Disk, DiskFile } from '../runtime/index.ts';
import { BLOCK_BYTES } from './allocator.ts';

/** Units at the beginning of the data file that the label has. */
export const LABEL_UNITS = 1;
const LABEL_BYTES = LABEL_UNITS * BLOCK_BYTES;
const FIRST_LINE = 'sepiola block store';
const CRC_AT = LABEL_BYTES - 4;

/** What the first block of the data says: whose data this is. It is how a device is known to be ours. */
export interface StoreLabel {
  readonly fsid: string;
  readonly format: string;
  readonly sizeBytes: number;
}

function textOf({ format, fsid, sizeBytes }: StoreLabel): string {
  return `${FIRST_LINE}\nformat ${format}\nfsid ${fsid}\nsize ${sizeBytes}\n`;
}

type Crc32c = (seed: number, bytes: Uint8Array) => number;

/** Writes the label, as text that `head` shows; durable when it resolves. */
export async function writeLabel(file: DiskFile, label: StoreLabel, crc32c: Crc32c): Promise<void> {
  const bytes = Buffer.alloc(LABEL_BYTES);
  bytes.latin1Write(textOf(label));
  bytes.writeUInt32LE(crc32c(0xffff_ffff, bytes.subarray(0, CRC_AT)), CRC_AT);
  await file.write([bytes], 0);
  await file.sync();
}

/** @returns undefined where there is none, or not the whole of one */
export function readLabel(file: DiskFile, crc32c: Crc32c): StoreLabel | undefined {
  const bytes = Buffer.alloc(LABEL_BYTES);
  if (file.readSync(bytes, 0) < LABEL_BYTES) return undefined;
  if (crc32c(0xffff_ffff, bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT))
    return undefined;
  const lines = bytes.latin1Slice(0, bytes.indexOf(0)).split('\n');
  if (lines[0] !== FIRST_LINE) return undefined;
  const of = (name: string) => lines.find((l) => l.startsWith(`${name} `))?.slice(name.length + 1);
  return { format: of('format') ?? '', fsid: of('fsid') ?? '', sizeBytes: Number(of('size')) };
}

/** Magic words by which what others keep on a device is known, and where they stand; from its end where negative. */
const SIGNATURES: readonly [what: string, magic: string, ...at: number[]][] = [
  ['a Sepiola store', FIRST_LINE, 0],
  ['a BlueStore OSD', 'bluestore block device', 0],
  ['an ext file system', '\x53\xef', 1080],
  ['an XFS file system', 'XFSB', 0],
  ['a btrfs file system', '_BHRfS_M', 65_600],
  ['an F2FS file system', '\x10\x20\xf5\xf2', 1024],
  ['an NTFS file system', 'NTFS    ', 3],
  ['an exFAT file system', 'EXFAT   ', 3],
  ['a squashfs file system', 'hsqs', 0],
  ['an ISO 9660 file system', 'CD001', 32_769],
  ['a LUKS volume', 'LUKS\xba\xbe', 0],
  ['an LVM volume', 'LABELONE', 0, 512, 1024, 1536],
  ['swap space', 'SWAPSPACE2', 4086],
  ['a bcache device', '\xc6\x85\x73\xf6\x4e\x1a\x45\xca', 4120],
  // Its ring of roots has the word in some of 128 places.
  [
    'a ZFS pool',
    '\x0c\xb1\xba\0\0\0\0\0',
    ...Array.from({ length: 128 }, (_, i) => 131_072 + i * 1024),
  ],
  ['a RAID member', '\xfc\x4e\x2b\xa9', 0, 4096, -8192, -12_288, -65_536, -131_072],
  ['a partition table (GPT)', 'EFI PART', 512, 4096, -512, -4096],
  ['a partition table', '\x55\xaa', 510],
];
/** What is looked at, at both ends. */
const HEAD_BYTES = 272 * 1024;
const TAIL_BYTES = 128 * 1024;

/** What somebody else seems to keep there, in words. */
function foreignData(file: DiskFile, own: StoreLabel | undefined): string | undefined {
  const head = part(file, 0, HEAD_BYTES);
  const tail = part(file, Math.max(0, file.size() - TAIL_BYTES), TAIL_BYTES);
  const has = (magic: string, at: number) => {
    const bytes = at < 0 ? tail : head;
    const from = at < 0 ? tail.length + at : at;
    return from >= 0 && bytes.latin1Slice(from, from + magic.length) === magic;
  };
  // Our own label that the power tore: its text is in one sector.
  if (own && has(textOf(own), 0)) return undefined;
  return SIGNATURES.find(([, magic, ...at]) => at.some((a) => has(magic, a)))?.[0];
}

function part(file: DiskFile, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, file.readSync(bytes, offset));
}

/**
 * @param own the label that may be there, or a part of it
 * @throws CephError EEXIST when what others keep would be written over
 */
export function refuseForeign(file: DiskFile, own?: StoreLabel): void {
  const what = foreignData(file, own);
  if (what === undefined) return;
  throw new CephError('EEXIST', `${file.path} holds ${what}; it is not taken before that is wiped`);
}

/**
 * Takes away, for ever, all by which anybody knows what a device or file holds, so that a store may have it.
 * @throws CephError EBUSY for a device that somebody has
 */
export async function wipe(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path);
  try {
    const size = file.size();
    const head = Math.min(size, HEAD_BYTES);
    const tail = Math.min(size - head, TAIL_BYTES);
    await file.write([Buffer.alloc(head)], 0);
    if (tail > 0) await file.write([Buffer.alloc(tail)], size - tail);
    await file.sync();
  } finally {
    await file.close();
  }
}
