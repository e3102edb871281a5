import {
  appendCrc32c,
  CRC_BLOCK_BYTES,
  CRC_BLOCK_SEED,
  type Crc32c,
  crc32cRange,
} from '../codec/index.ts';
import { ALIGN_BYTES, type BufferPool } from '../runtime/index.ts';
import {
  BANNER_BYTES,
  BANNER_START,
  CONTROL_BYTES_MAX,
  CRC_SEED,
  EPILOGUE_BYTES,
  LATE_ABORTED,
  LATE_COMPLETE,
  MESSAGE_HEADER_BYTES,
  PREAMBLE_BYTES,
  ProtocolError,
  TAG,
  TAG_MAX,
} from './format.ts';

/** A body gets its whole buffer at once up to this size; a larger one grows as bytes really come. */
const SPILL_FIRST_BYTES = 8 << 20;
/** Data from so many bytes on lies where a device can take it, and is checked block by block. */
const LARGE_DATA_BYTES = 32 * 1024;
/** Room that is worth a system call of its own. */
const ROOM_FROM_BYTES = 16 * 1024;
const EMPTY = Buffer.alloc(0);

export interface SegmentLimits {
  readonly frontBytesMax: number;
  readonly dataBytesMax: number;
}

/**
 * Cuts a byte stream into frames (crc mode) and checks every crc. The body of a frame is copied once, into a buffer of
 * its own, whose windows the segments are; so chunks can be read into the same memory again and again. The greater part
 * of a large body need not be copied: see `room`. `next` fills the fields of this one object, so a frame costs no
 * allocation besides its windows. Throws ProtocolError; the stream is unusable afterwards.
 */
export class FrameParser {
  tag = 0;
  /** Payload of a control frame; of a message the whole body, which begins with its header of 41 bytes. */
  header: Buffer = EMPTY;
  front: Buffer = EMPTY;
  middle: Buffer = EMPTY;
  data: Buffer = EMPTY;
  /** crc32c(0xffffffff) of each whole 4096 bytes of large data, from its start; made when the data was checked. */
  dataCrcs: Uint32Array | undefined;
  /** The pool's memory that the body lies in. */
  memory: Buffer = EMPTY;
  bannerSupported = 0n;
  bannerRequired = 0n;
  /** Messages are refused until the handshake has ended. */
  limits: SegmentLimits | undefined;

  private readonly crc32c: Crc32c;
  private readonly pool: BufferPool;
  private readonly waiting: Buffer[] = [];
  private chunk: Buffer = EMPTY;
  private at = 0;
  private readonly small = Buffer.alloc(PREAMBLE_BYTES);
  private smallLength = 0;
  private inBody = false;
  private segments = 0;
  private n0 = 0;
  private n1 = 0;
  private n2 = 0;
  private n3 = 0;
  private bodyLength = 0;
  private spill: Buffer | undefined;
  private spillLength = 0;
  /** What `room` returned last. */
  private lent: Buffer | undefined;

  constructor(crc32c: Crc32c, pool: BufferPool) {
    this.crc32c = crc32c;
    this.pool = pool;
  }

  /** Whether a banner or a frame has begun and is not whole. Holds when all that was pushed is worked off. */
  get isMidway(): boolean {
    return this.smallLength > 0 || this.inBody;
  }

  /** Adds bytes. The chunk is looked at until {@link settle} is called, or `next` or `nextBanner` returned false. */
  push(chunk: Buffer): void {
    const { lent } = this;
    this.lent = undefined;
    if (lent && chunk.buffer === lent.buffer && chunk.byteOffset === lent.byteOffset) {
      this.spillLength += chunk.length;
      return;
    }
    if (this.at === this.chunk.length && this.waiting.length === 0) {
      this.chunk = chunk;
      this.at = 0;
    } else {
      this.waiting.push(Buffer.from(chunk));
    }
  }

  /** Where the next bytes belong, when much of a body is still missing; a chunk put there is pushed as any other. */
  room(): Buffer | undefined {
    const { spill, spillLength } = this;
    if (spill === undefined || this.at < this.chunk.length || this.waiting.length > 0) return;
    const end = Math.min(this.bodyLength, spill.length);
    if (end - spillLength < ROOM_FROM_BYTES) return;
    this.lent = spill.subarray(spillLength, end);
    return this.lent;
  }

  /** Copies what is left of the chunk, for a reader that stops before all is worked off. */
  settle(): void {
    this.chunk = this.at < this.chunk.length ? Buffer.from(this.chunk.subarray(this.at)) : EMPTY;
    this.at = 0;
  }

  /** Reads the banner, before any frame. @returns false when bytes are missing */
  nextBanner(): boolean {
    const whole = this.gather(BANNER_BYTES);
    const seen = Math.min(this.smallLength, BANNER_START.length);
    if (this.small.compare(BANNER_START, 0, seen, 0, seen) !== 0) {
      throw new ProtocolError('not a msgr2 banner');
    }
    if (!whole) return false;
    this.smallLength = 0;
    this.bannerSupported = this.small.readBigUInt64LE(10);
    this.bannerRequired = this.small.readBigUInt64LE(18);
    return true;
  }

  /** Moves to the next complete frame. @returns false when bytes are missing */
  next(): boolean {
    for (;;) {
      if (!this.inBody) {
        if (this.smallLength === 0 && this.chunk.length - this.at >= PREAMBLE_BYTES) {
          this.readPreamble(this.chunk, this.at);
          this.at += PREAMBLE_BYTES;
        } else {
          if (!this.gather(PREAMBLE_BYTES)) return false;
          this.smallLength = 0;
          this.readPreamble(this.small, 0);
        }
        this.inBody = true;
      }
      if (!this.takeBody()) return false;
      this.inBody = false;
      if (this.segments === 1 || this.checkEpilogue()) return true;
    }
  }

  /** Collects `n` bytes in `small`, over as many chunks as it takes. */
  private gather(n: number): boolean {
    while (this.smallLength < n) {
      if (this.at === this.chunk.length && !this.nextChunk()) return false;
      const take = Math.min(n - this.smallLength, this.chunk.length - this.at);
      this.chunk.copy(this.small, this.smallLength, this.at, this.at + take);
      this.smallLength += take;
      this.at += take;
    }
    return true;
  }

  private nextChunk(): boolean {
    const chunk = this.waiting.shift();
    this.chunk = chunk ?? EMPTY;
    this.at = 0;
    return chunk !== undefined;
  }

  private readPreamble(b: Buffer, at: number): void {
    const crc = b.readUInt32LE(at + 28);
    if (crc32cRange(0, b, at, at + 28) !== crc) throw new ProtocolError('wrong preamble crc');
    const tag = b[at]!;
    const k = b[at + 1]!;
    if (tag === 0 || tag > TAG_MAX) throw new ProtocolError(`unknown frame tag ${tag}`);
    if (k < 1 || k > 4) throw new ProtocolError(`frame with ${k} segments`);
    const n0 = b.readUInt32LE(at + 2);
    const n1 = k > 1 ? b.readUInt32LE(at + 8) : 0;
    const n2 = k > 2 ? b.readUInt32LE(at + 14) : 0;
    const n3 = k > 3 ? b.readUInt32LE(at + 20) : 0;
    if (tag === TAG.message) {
      const limits = this.limits;
      if (limits === undefined) throw new ProtocolError('message during the handshake');
      if (n0 !== MESSAGE_HEADER_BYTES) throw new ProtocolError(`message header of ${n0} bytes`);
      if (n1 > limits.frontBytesMax) throw new ProtocolError(`front of ${n1} bytes`);
      if (n2 > limits.frontBytesMax) throw new ProtocolError(`middle of ${n2} bytes`);
      if (n3 > limits.dataBytesMax) throw new ProtocolError(`data of ${n3} bytes`);
      if (k > 1 && (k === 2 ? n1 : k === 3 ? n2 : n3) === 0) {
        throw new ProtocolError('last segment is empty');
      }
    } else {
      if (k !== 1) throw new ProtocolError(`control frame ${tag} with ${k} segments`);
      if (n0 > CONTROL_BYTES_MAX) throw new ProtocolError(`control frame ${tag} of ${n0} bytes`);
    }
    this.tag = tag;
    this.segments = k;
    this.n0 = n0;
    this.n1 = n1;
    this.n2 = n2;
    this.n3 = n3;
    this.bodyLength = n0 + (n0 > 0 ? 4 : 0) + n1 + n2 + n3 + (k > 1 ? EPILOGUE_BYTES : 0);
  }

  private takeBody(): boolean {
    const length = this.bodyLength;
    if (this.spill === undefined) {
      const dataAt = this.n0 + 4 + this.n1 + this.n2;
      const skip = this.n3 < LARGE_DATA_BYTES ? 0 : -dataAt & (ALIGN_BYTES - 1);
      this.memory = this.pool.take(skip + Math.min(length, SPILL_FIRST_BYTES));
      this.spill = skip === 0 ? this.memory : this.memory.subarray(skip);
      this.spillLength = 0;
    }
    while (this.spillLength < length) {
      if (this.at === this.chunk.length && !this.nextChunk()) return false;
      if (this.spillLength === this.spill.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(length, this.spill.length * 2));
        this.spill.copy(grown);
        this.spill = grown;
        this.memory = grown;
      }
      const room = Math.min(length, this.spill.length) - this.spillLength;
      const take = Math.min(room, this.chunk.length - this.at);
      this.chunk.copy(this.spill, this.spillLength, this.at, this.at + take);
      this.spillLength += take;
      this.at += take;
    }
    const body = this.spill;
    this.spill = undefined;
    this.slice(body);
    return true;
  }

  /** Sets the segments to windows of `b` and checks the crc of the first. */
  private slice(b: Buffer): void {
    let at = this.n0;
    if (this.n0 > 0) {
      if (crc32cRange(CRC_SEED, b, 0, at) !== b.readUInt32LE(at)) {
        throw new ProtocolError('wrong crc of the first segment');
      }
      at += 4;
    }
    if (this.tag !== TAG.message) {
      this.header = b.subarray(0, this.n0);
      return;
    }
    this.header = b;
    this.front = this.n1 === 0 ? EMPTY : b.subarray(at, at + this.n1);
    at += this.n1;
    this.middle = this.n2 === 0 ? EMPTY : b.subarray(at, at + this.n2);
    at += this.n2;
    this.data = this.n3 === 0 ? EMPTY : b.subarray(at, at + this.n3);
    this.dataCrcs = undefined;
    this.epilogueAt = at + this.n3;
  }
  private epilogueAt = 0;

  /** @returns false when the sender gave the frame up half way */
  private checkEpilogue(): boolean {
    const b = this.header;
    const at = this.epilogueAt;
    const status = b[at]! & 0x0f;
    if (status === LATE_ABORTED) return false;
    if (status !== LATE_COMPLETE) throw new ProtocolError(`late status ${b[at]}`);
    if (this.crc32c(CRC_SEED, this.front) !== b.readUInt32LE(at + 1)) {
      throw new ProtocolError('wrong crc of the front');
    }
    if (this.segments > 2 && this.crc32c(CRC_SEED, this.middle) !== b.readUInt32LE(at + 5)) {
      throw new ProtocolError('wrong crc of the middle');
    }
    if (this.segments > 3 && this.crcOfData() !== b.readUInt32LE(at + 9)) {
      throw new ProtocolError('wrong crc of the data');
    }
    return true;
  }

  private crcOfData(): number {
    const { data } = this;
    if (data.length < LARGE_DATA_BYTES) return this.crc32c(CRC_SEED, data);
    // One look serves the frame, the store, and whoever gets the same bytes next.
    const crcs = new Uint32Array(Math.floor(data.length / CRC_BLOCK_BYTES));
    let crc = CRC_SEED;
    for (let i = 0; i < crcs.length; i++) {
      const block = data.subarray(i * CRC_BLOCK_BYTES, (i + 1) * CRC_BLOCK_BYTES);
      crcs[i] = this.crc32c(CRC_BLOCK_SEED, block);
      crc = appendCrc32c(crc, crcs[i]!);
    }
    this.dataCrcs = crcs;
    return this.crc32c(crc, data.subarray(crcs.length * CRC_BLOCK_BYTES));
  }
}
