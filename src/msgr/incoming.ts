import { type BufferPool, POOLED_FROM } from '../runtime/index.ts';
import { MESSAGE_HEADER_BYTES, ProtocolError } from './format.ts';
import type { FrameParser } from './frame-parser.ts';
import type { IncomingMessage } from './messenger.ts';

/** Counts what a connection's dispatcher holds, and hears when a message is given back. */
export interface Throttle {
  released(bytes: number): void;
}

/** A message as parsed from its frame. */
export class Incoming implements IncomingMessage {
  readonly type: number;
  readonly version: number;
  readonly compatVersion: number;
  readonly tid: number;
  readonly seq: number;
  readonly priority: number;
  readonly front: Buffer;
  readonly middle: Buffer;
  readonly data: Buffer;
  readonly dataCrcs: Uint32Array | undefined;
  /** The peer has our messages up to this one. */
  readonly ackSeq: number;
  /** What it counts against the throttle. */
  readonly bytes: number;
  held = false;
  private counted = true;
  private readonly throttle: Throttle;
  private readonly pool: BufferPool;
  private memory: Buffer | undefined;

  constructor(p: FrameParser, throttle: Throttle, pool: BufferPool) {
    const h = p.header;
    this.seq = get53(h, 0);
    this.tid = get53(h, 8);
    this.type = get16(h, 16);
    this.priority = get16(h, 18);
    this.version = get16(h, 20);
    this.ackSeq = get53(h, 28);
    this.compatVersion = get16(h, 37);
    this.front = p.front;
    this.middle = p.middle;
    this.data = p.data;
    this.dataCrcs = p.dataCrcs;
    this.bytes = MESSAGE_HEADER_BYTES + p.front.length + p.middle.length + p.data.length;
    this.throttle = throttle;
    this.pool = pool;
    this.memory = p.memory;
  }

  get isLarge(): boolean {
    return this.bytes >= POOLED_FROM;
  }

  hold(): void {
    this.held = true;
  }

  release(): void {
    if (!this.counted) return;
    this.counted = false;
    this.throttle.released(this.bytes);
  }

  recycle(): void {
    if (this.memory) this.pool.give(this.memory);
    this.memory = undefined;
  }
}

function get16(b: Buffer, at: number): number {
  return b[at]! | (b[at + 1]! << 8);
}
function get53(b: Buffer, at: number): number {
  const high = b.readUInt32LE(at + 4);
  const low = b.readUInt32LE(at);
  if (high === 0) return low;
  if (high >= 0x20_0000) throw new ProtocolError('a number above 2^53 in a message header');
  return high * 0x1_0000_0000 + low;
}
