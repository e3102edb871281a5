import { appendCrc32c, CRC_BLOCK_BYTES, type Crc32c, crc32cRange } from '../codec/index.ts';
import {
  BANNER_REVISION_1,
  BANNER_START,
  CRC_SEED,
  EPILOGUE_BYTES,
  LATE_COMPLETE,
  MESSAGE_HEADER_BYTES,
  PREAMBLE_BYTES,
  TAG,
} from './format.ts';
import type { OutgoingMessage } from './messenger.ts';

const SLAB_BYTES = 128 << 10;
/** Up to this size a segment is copied next to its header: cheaper than one more buffer in the gathered write. */
const PACK_BYTES_MAX = 2048;
const EMPTY: Uint8Array = new Uint8Array(0);
const NO_DATA: readonly Uint8Array[] = [];

const PRIORITY_DEFAULT = 127;
/** Header flags every 16.2 sender sets: complete, and no crc in the old footer. */
const HEADER_FLAGS = 3;

/** Total length of a message's segments. */
export function messageBytes(m: OutgoingMessage): number {
  let n = m.front.length;
  if (m.middle !== undefined) n += m.middle.length;
  if (m.data !== undefined) for (const part of m.data) n += part.length;
  return n;
}

/**
 * Lays frames out for one gathered write: headers and small segments share slabs, large segments are passed on as they
 * are. Slabs are never reused, so what `take` returned stays valid for as long as the socket needs it.
 */
export class FrameWriter {
  /** Bytes written since the last `take`. */
  bytes = 0;
  private readonly crc32c: Crc32c;
  private slab: Buffer = Buffer.alloc(0);
  private start = 0;
  private at = 0;
  private out: Uint8Array[] = [];

  constructor(crc32c: Crc32c) {
    this.crc32c = crc32c;
  }

  /** Everything written so far, in order; the writer begins anew. */
  take(): Uint8Array[] {
    this.cut();
    const out = this.out;
    this.out = [];
    this.bytes = 0;
    return out;
  }

  banner(): void {
    const at = this.reserve(26);
    BANNER_START.copy(this.slab, at);
    this.slab.writeBigUInt64LE(BANNER_REVISION_1, at + 10);
    this.slab.writeBigUInt64LE(0n, at + 18);
  }

  /** A frame of one segment. */
  control(tag: number, payload: Uint8Array): void {
    const n = payload.length;
    const at = this.reserve(PREAMBLE_BYTES + n + 4);
    this.preamble(at, tag, 1, n, 0, 0, 0);
    if (n === 0) {
      this.at -= 4;
      this.bytes -= 4;
      return;
    }
    const body = at + PREAMBLE_BYTES;
    this.slab.set(payload, body);
    put32(this.slab, body + n, crc32cRange(CRC_SEED, this.slab, body, body + n));
  }

  /** @param ack last seq received from the peer */
  message(m: OutgoingMessage, seq: number, ack: number): void {
    const front = m.front;
    const middle = m.middle ?? EMPTY;
    const data = m.data ?? NO_DATA;
    let dataLength = 0;
    for (const part of data) dataLength += part.length;
    const k = dataLength > 0 ? 4 : middle.length > 0 ? 3 : front.length > 0 ? 2 : 1;

    const at = this.reserve(PREAMBLE_BYTES + MESSAGE_HEADER_BYTES + 4);
    const slab = this.slab;
    this.preamble(
      at,
      TAG.message,
      k,
      MESSAGE_HEADER_BYTES,
      front.length,
      middle.length,
      dataLength,
    );
    const h = at + PREAMBLE_BYTES;
    put53(slab, h, seq);
    put53(slab, h + 8, m.tid ?? 0);
    put16(slab, h + 16, m.type);
    put16(slab, h + 18, m.priority ?? PRIORITY_DEFAULT);
    put16(slab, h + 20, m.version);
    put32(slab, h + 22, 0); // data_pre_padding_len
    put16(slab, h + 26, 0); // data_off, a hint nobody needs
    put53(slab, h + 28, ack);
    slab[h + 36] = HEADER_FLAGS;
    put16(slab, h + 37, m.compatVersion);
    put16(slab, h + 39, 0);
    put32(slab, h + 41, crc32cRange(CRC_SEED, slab, h, h + MESSAGE_HEADER_BYTES));
    if (k === 1) return;

    this.segment(front);
    if (k > 2) this.segment(middle);
    let dataCrc = CRC_SEED;
    for (let i = 0; i < data.length; i++) {
      const part = data[i]!;
      this.segment(part);
      dataCrc = this.crcOver(dataCrc, part, m.dataCrcs?.[i]);
    }
    const e = this.reserve(EPILOGUE_BYTES);
    this.slab[e] = LATE_COMPLETE;
    put32(this.slab, e + 1, this.crc32c(CRC_SEED, front));
    put32(this.slab, e + 5, k > 2 ? this.crc32c(CRC_SEED, middle) : 0);
    put32(this.slab, e + 9, k > 3 ? dataCrc : 0);
  }

  /** Goes on over a part of the data, some of whose blocks may be known. */
  private crcOver(crc: number, part: Uint8Array, known: Uint32Array | undefined): number {
    if (known === undefined) return this.crc32c(crc, part);
    const blocks = Math.min(known.length, Math.floor(part.length / CRC_BLOCK_BYTES));
    let joined = crc;
    for (let i = 0; i < blocks; i++) joined = appendCrc32c(joined, known[i]!);
    return this.crc32c(joined, part.subarray(blocks * CRC_BLOCK_BYTES));
  }

  private preamble(
    at: number,
    tag: number,
    k: number,
    n0: number,
    n1: number,
    n2: number,
    n3: number,
  ): void {
    const b = this.slab;
    b[at] = tag;
    b[at + 1] = k;
    put32(b, at + 2, n0);
    put16(b, at + 6, 8);
    put32(b, at + 8, n1);
    put16(b, at + 12, k > 1 ? 8 : 0);
    put32(b, at + 14, n2);
    put16(b, at + 18, k > 2 ? 8 : 0);
    put32(b, at + 20, n3);
    put16(b, at + 24, k > 3 ? 4096 : 0); // alignment the receiver may want for data
    put16(b, at + 26, 0);
    put32(b, at + 28, crc32cRange(0, b, at, at + 28));
  }

  private segment(bytes: Uint8Array): void {
    const n = bytes.length;
    if (n <= PACK_BYTES_MAX) {
      const at = this.reserve(n);
      this.slab.set(bytes, at);
      return;
    }
    this.cut();
    this.out.push(bytes);
    this.bytes += n;
  }

  private reserve(n: number): number {
    if (this.slab.length - this.at < n) {
      this.cut();
      this.slab = Buffer.allocUnsafeSlow(Math.max(n, SLAB_BYTES));
      this.start = 0;
      this.at = 0;
    }
    const at = this.at;
    this.at = at + n;
    this.bytes += n;
    return at;
  }

  private cut(): void {
    if (this.at > this.start) this.out.push(this.slab.subarray(this.start, this.at));
    this.start = this.at;
  }
}

function put16(b: Buffer, at: number, v: number): void {
  b[at] = v;
  b[at + 1] = v >>> 8;
}
function put32(b: Buffer, at: number, v: number): void {
  b[at] = v;
  b[at + 1] = v >>> 8;
  b[at + 2] = v >>> 16;
  b[at + 3] = v >>> 24;
}
function put53(b: Buffer, at: number, v: number): void {
  put32(b, at, v | 0);
  put32(b, at + 4, v > 0xffff_ffff ? Math.floor(v / 0x1_0000_0000) : 0);
}
