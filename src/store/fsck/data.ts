import { CephError } from '../../errors/index.ts';
import type { DiskFile } from '../../runtime/index.ts';
import { BLOCK_BYTES, type Run } from '../allocator.ts';
import { Compression } from '../compression.ts';
import { type CompressedExtent, type PlainExtent, unitsOf } from '../extent.ts';
import type { StorePlace } from '../store-files.ts';
import type { SeenObject } from './objects.ts';
import type { Survey } from './survey.ts';

const READ_UNITS = 256;

/** Reads objects' blocks and compares them with their checksums; what is compressed is unpacked. */
export class DataCheck {
  private readonly s: Survey;
  private readonly file: DiskFile;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly compression: Compression;
  private readonly buffer = Buffer.allocUnsafe(READ_UNITS * BLOCK_BYTES);

  constructor(s: Survey, file: DiskFile, place: StorePlace) {
    this.s = s;
    this.file = file;
    this.crc32c = place.crc32c;
    this.compression = new Compression(place.compressor);
  }

  /** @param read hears of bytes that were read */
  async object({ text, onode }: SeenObject, read: (bytes: number) => void): Promise<void> {
    for (const e of onode.extents) {
      if (unitsOf(e).some((r) => r.unit + r.count > this.s.units)) continue; // reported with the record
      if (e.blob) await this.blob(text, e, read);
      else await this.plain(text, e, read);
    }
  }

  private async plain(text: string, e: PlainExtent, read: (bytes: number) => void): Promise<void> {
    const bad: number[] = [];
    for (let at = 0; at < e.count; at += READ_UNITS) {
      const count = Math.min(READ_UNITS, e.count - at);
      const into = this.buffer.subarray(0, count * BLOCK_BYTES);
      const run = { unit: e.unit + at, count };
      await this.part(run, e.crcs.subarray(at, at + count), into, (unit) =>
        bad.push(unit - e.unit),
      );
      read(count * BLOCK_BYTES);
    }
    for (let i = 0; i < bad.length; ) {
      const first = bad[i]!;
      let count = 1;
      while (bad[i + count] === first + count) count++;
      i += count;
      this.report(text, e.block + first, count, `units ${e.unit + first}~${count}`);
    }
  }

  private async blob(
    text: string,
    e: CompressedExtent,
    read: (bytes: number) => void,
  ): Promise<void> {
    const { blob } = e;
    const bytes = Buffer.allocUnsafe(blob.crcs.length * BLOCK_BYTES);
    const bad: number[] = [];
    let at = 0;
    for (const run of blob.runs) {
      const into = bytes.subarray(at * BLOCK_BYTES, (at + run.count) * BLOCK_BYTES);
      const crcs = blob.crcs.slice(at, at + run.count);
      await this.part(run, crcs, into, (unit) => bad.push(unit));
      at += run.count;
    }
    read(bytes.length);
    if (bad.length > 0) {
      this.report(text, e.block, e.count, `units ${bad.join(' ')}, compressed`);
      return;
    }
    try {
      this.compression.unpack(blob, bytes);
    } catch (error) {
      if (!(error instanceof CephError)) throw error;
      const range = rangeText(e.block, e.count);
      this.s.report('never', `${text} bytes ${range}: ${error.message}`);
    }
  }

  private async part(
    run: Run,
    crcs: ArrayLike<number>,
    into: Buffer,
    bad: (unit: number) => void,
  ): Promise<void> {
    const got = await this.file.read(into, run.unit * BLOCK_BYTES).catch(() => 0);
    for (let i = 0; i < run.count; i++) {
      const block = into.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      const isWhole = got >= (i + 1) * BLOCK_BYTES;
      if (!isWhole || this.crc32c(0xffff_ffff, block) !== crcs[i]) bad(run.unit + i);
    }
  }

  private report(text: string, block: number, count: number, units: string): void {
    this.s.report('never', `${text} bytes ${rangeText(block, count)}: wrong checksum (${units})`);
  }
}

function rangeText(block: number, count: number): string {
  return `${block * BLOCK_BYTES}~${count * BLOCK_BYTES}`;
}
