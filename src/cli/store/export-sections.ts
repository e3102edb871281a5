import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CephError } from '../../errors/index.ts';
import { nativeCrc32c } from '../../runtime-node/index.ts';

/*
 * A file of an exported PG:
 *
 *   "sepiola pg export 1\n" · sections
 *   section: type u8 · length u32 · content · crc32c u32 over all of these, begun with the checksum of the section before
 *
 * So a section that is missing, twice there or in another place shows as one that is damaged. The last one is `end`.
 */
const MAGIC = Buffer.from('sepiola pg export 1\n');
const HEAD_BYTES = 5;

/** What a section holds. */
export const SECTION = {
  /** JSON: whose PG it is. */
  head: 1,
  /** The newest OSDMap that the OSD had seen. */
  map: 2,
  /** Begins an object: its name, size, attributes and omap header. */
  object: 3,
  /** Bytes of the object begun last, after their offset. */
  data: 4,
  /** Entries of its omap. */
  omap: 5,
  /** How many objects there were. */
  end: 6,
} as const;
type SectionType = (typeof SECTION)[keyof typeof SECTION];
const CONTENT_MAX = 64 * 2 ** 20;

/** Turns contents into the bytes of a file. */
export class SectionWriter {
  private crc = 0xffff_ffff;
  private readonly write: (bytes: Uint8Array) => void;

  constructor(write: (bytes: Uint8Array) => void) {
    this.write = write;
    write(MAGIC);
  }

  add(type: SectionType, content: Uint8Array): void {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(type, 0);
    head.writeUInt32LE(content.length, 1);
    this.crc = nativeCrc32c(nativeCrc32c(this.crc, head), content);
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(this.crc, 0);
    for (const part of [head, content, tail]) this.write(part);
  }
}

export interface Section {
  readonly type: number;
  readonly content: Buffer;
  /** Where the next one begins. */
  readonly end: number;
}

/** Reads the sections of a file one after another. @throws CephError EINVAL for what is no whole export */
export function* readSections(path: string): Generator<Section> {
  const fd = openSync(path, 'r');
  try {
    const total = fstatSync(fd).size;
    const take = (at: number, length: number): Buffer => {
      const bytes = Buffer.allocUnsafe(length);
      for (let done = 0; done < length; ) {
        const n = readSync(fd, bytes, done, length - done, at + done);
        if (n === 0) throw new CephError('EINVAL', `${path} ends in the middle, at ${at + done}`);
        done += n;
      }
      return bytes;
    };
    if (total < MAGIC.length || !take(0, MAGIC.length).equals(MAGIC)) {
      throw new CephError('EINVAL', `${path} is no export of a PG that this release reads`);
    }
    let crc = 0xffff_ffff;
    for (let at = MAGIC.length; ; ) {
      const head = take(at, HEAD_BYTES);
      const length = head.readUInt32LE(1);
      if (length > CONTENT_MAX) throw new CephError('EINVAL', `${path} is damaged at ${at}`);
      const content = take(at + HEAD_BYTES, length);
      crc = nativeCrc32c(nativeCrc32c(crc, head), content);
      const end = at + HEAD_BYTES + length + 4;
      if (take(end - 4, 4).readUInt32LE(0) !== crc) {
        throw new CephError('EINVAL', `${path} is damaged between ${at} and ${end}`);
      }
      const type = head.readUInt8(0);
      yield { type, content, end };
      at = end;
      if (type !== SECTION.end) continue;
      if (at !== total) throw new CephError('EINVAL', `${path} goes on after its end, at ${at}`);
      return;
    }
  } finally {
    closeSync(fd);
  }
}
