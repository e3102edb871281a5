import type { DiskFile } from '../../runtime/index.ts';
import { BLOCK_BYTES } from '../allocator.ts';
import type { Extent } from '../onode.ts';
import type { SeenObject } from './objects.ts';
import type { Survey } from './survey.ts';

const READ_UNITS = 256;

/** Reads objects' blocks and compares them with their checksums. */
export class DataCheck {
  private readonly s: Survey;
  private readonly file: DiskFile;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly buffer = Buffer.allocUnsafe(READ_UNITS * BLOCK_BYTES);

  constructor(s: Survey, file: DiskFile, crc32c: (seed: number, bytes: Uint8Array) => number) {
    this.s = s;
    this.file = file;
    this.crc32c = crc32c;
  }

  /** @param read hears of bytes that were read */
  async object({ text, onode }: SeenObject, read: (bytes: number) => void): Promise<void> {
    for (const e of onode.extents) {
      if (e.unit + e.count > this.s.units) continue; // reported with the record
      const bad: number[] = [];
      for (let at = 0; at < e.count; at += READ_UNITS) {
        const count = Math.min(READ_UNITS, e.count - at);
        await this.part(e, at, count, bad);
        read(count * BLOCK_BYTES);
      }
      this.report(text, e, bad);
    }
  }

  private async part(e: Extent, at: number, count: number, bad: number[]): Promise<void> {
    const into = this.buffer.subarray(0, count * BLOCK_BYTES);
    const got = await this.file.read(into, (e.unit + at) * BLOCK_BYTES).catch(() => 0);
    for (let i = 0; i < count; i++) {
      const block = into.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      const isWhole = got >= (i + 1) * BLOCK_BYTES;
      if (!isWhole || this.crc32c(0xffff_ffff, block) !== e.crcs[at + i]) bad.push(at + i);
    }
  }

  private report(text: string, e: Extent, bad: readonly number[]): void {
    for (let i = 0; i < bad.length; ) {
      const first = bad[i]!;
      let count = 1;
      while (bad[i + count] === first + count) count++;
      i += count;
      const bytes = `${(e.block + first) * BLOCK_BYTES}~${count * BLOCK_BYTES}`;
      const units = `${e.unit + first}~${count}`;
      this.s.report('never', `${text} bytes ${bytes}: wrong checksum (units ${units})`);
    }
  }
}
