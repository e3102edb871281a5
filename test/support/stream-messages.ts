/** One message of a captured messenger stream. */
export interface StreamMessage {
  readonly type: number;
  readonly version: number;
  readonly compatVersion: number;
  readonly tid: number;
  readonly seq: number;
  readonly priority: number;
  readonly front: Buffer;
  readonly middle: Buffer;
  readonly data: Buffer;
}

const BANNER_HEAD = 10;
const PREAMBLE = 32;
const EPILOGUE = 13;
const TAG_MESSAGE = 17;

/**
 * The messages in one direction of a captured msgr2.1 stream in crc mode (protocol facts §2.2, §2.3). Checksums are
 * not looked at: this reads known-good captures, independently of the messenger under test.
 */
export function* streamMessages(stream: Buffer): Generator<StreamMessage> {
  let at = BANNER_HEAD + stream.readUInt16LE(8);
  while (at + PREAMBLE <= stream.length) {
    const tag = stream[at]!;
    const count = stream[at + 1]!;
    const segments: Buffer[] = [];
    let from = at + PREAMBLE;
    for (let i = 0; i < count; i++) {
      const length = stream.readUInt32LE(at + 2 + 6 * i);
      segments.push(stream.subarray(from, from + length));
      from += length;
      if (i === 0 && length > 0) from += 4;
    }
    at = count > 1 ? from + EPILOGUE : from;
    if (tag === TAG_MESSAGE) yield messageOf(segments);
  }
}

function messageOf([header, front, middle, data]: Buffer[]): StreamMessage {
  const h = header!;
  const none = Buffer.alloc(0);
  return {
    seq: Number(h.readBigUInt64LE(0)),
    tid: Number(h.readBigUInt64LE(8)),
    type: h.readUInt16LE(16),
    priority: h.readUInt16LE(18),
    version: h.readUInt16LE(20),
    compatVersion: h.readUInt16LE(37),
    front: front ?? none,
    middle: middle ?? none,
    data: data ?? none,
  };
}
