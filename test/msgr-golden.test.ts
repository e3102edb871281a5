import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  AUTH_METHOD,
  AUTH_MODE,
  CONNECTION_MODE,
  decodeNoneRequest,
  encodeNoneRequest,
} from '../src/auth/index.ts';
import { crc32c } from '../src/codec/index.ts';
import { type ControlFrame, decodeControl, encodeControl } from '../src/msgr/control.ts';
import {
  BANNER_BYTES,
  CRC_SEED,
  EPILOGUE_BYTES,
  LATE_ABORTED,
  MESSAGE_HEADER_BYTES,
  PREAMBLE_BYTES,
  ProtocolError,
  TAG,
} from '../src/msgr/format.ts';
import { FrameParser } from '../src/msgr/frame-parser.ts';
import { FrameWriter } from '../src/msgr/frame-writer.ts';
import { Incoming } from '../src/msgr/incoming.ts';
import { DEFAULT_BOUNDS } from '../src/msgr/index.ts';
import { BufferPool } from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import { ENTITY } from '../src/wire/index.ts';

// Fact sheet §2. Streams of real programs; test/golden/msgr/README.md says which.
const folder = new URL('golden/msgr/', import.meta.url);
const files = readdirSync(folder).filter((f) => f.endsWith('.bin'));
const stream = (file: string): Buffer => readFileSync(new URL(file, folder));

/** A message with the one header field that we neither use nor write: a hint where its data begins. */
interface Message {
  readonly kind: 'message';
  readonly message: Incoming;
  readonly dataOff: number;
}
type Frame = ControlFrame | Message;

function parse(chunks: Iterable<Buffer>): { frames: Frame[]; supported: bigint } {
  const pool = new BufferPool();
  const parser = new FrameParser(nativeCrc32c, pool);
  parser.limits = DEFAULT_BOUNDS;
  const frames: Frame[] = [];
  let banner = false;
  for (const chunk of chunks) {
    parser.push(chunk);
    banner ||= parser.nextBanner();
    while (banner && parser.next()) {
      if (parser.tag === TAG.message) {
        const message = new Incoming(parser, { released: () => {} }, pool);
        const dataOff = parser.header.readUInt16LE(26);
        frames.push({ kind: 'message', message, dataOff });
      } else {
        frames.push(decodeControl(parser.tag, parser.header));
      }
    }
  }
  return { frames, supported: parser.bannerSupported };
}

function write(frames: readonly Frame[]): Buffer {
  const writer = new FrameWriter(crc32c);
  writer.banner();
  const out = writer.take();
  for (const f of frames) {
    if (f.kind === 'message') {
      const m = f.message;
      writer.message({ ...m, data: [m.data], dataCrcs: [m.dataCrcs] }, m.seq, m.ackSeq);
    } else {
      writer.control(TAG[f.kind], encodeControl(f));
    }
    const bytes = Buffer.concat(writer.take());
    if (f.kind === 'message' && f.dataOff !== 0) {
      bytes.writeUInt16LE(f.dataOff, PREAMBLE_BYTES + 26);
      const header = bytes.subarray(PREAMBLE_BYTES, PREAMBLE_BYTES + MESSAGE_HEADER_BYTES);
      bytes.writeUInt32LE(crc32c(CRC_SEED, header), PREAMBLE_BYTES + MESSAGE_HEADER_BYTES);
    }
    out.push(bytes);
  }
  return Buffer.concat(out);
}

/** Pieces of `bytes` whose lengths repeat `lengths`. */
function* pieces(bytes: Buffer, lengths: readonly number[]): Iterable<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const n = lengths[i % lengths.length]!;
    // A copy, so that a window that outlives its chunk would show.
    yield Buffer.from(bytes.subarray(at, at + n));
    at += n;
  }
}

const kinds = (frames: readonly Frame[]): string[] =>
  frames.map((f) => (f.kind === 'message' ? `message ${f.message.type}` : f.kind));

describe('streams of Ceph 16.2', () => {
  it.each(files)(
    '%s: every crc holds, and writing the frames again gives the same bytes',
    (file) => {
      const bytes = stream(file);
      const { frames, supported } = parse([bytes]);
      expect(supported).toBe(1n);
      expect(frames.length).toBeGreaterThan(1);
      expect(write(frames).equals(bytes)).toBe(true);
    },
  );

  it.each([[[1]], [[31, 1, 33]], [[7, 1000]], [[4096, 3]]])(
    'give the same frames in chunks of %j bytes',
    (lengths) => {
      for (const file of files) {
        const bytes = stream(file);
        const { frames } = parse(pieces(bytes, lengths));
        expect(write(frames).equals(bytes), file).toBe(true);
      }
    },
  );

  it('contain the reconnect of two OSDs and the refusal of method none', () => {
    expect(kinds(parse([stream('osd-reconnect.4-osd.c2s.bin')]).frames).slice(0, 4)).toEqual([
      'hello',
      'authRequest',
      'authSignature',
      'sessionReconnect',
    ]);
    expect(parse([stream('auth-none-refused.0-mon.s2c.bin')]).frames[1]).toEqual({
      kind: 'authBadMethod',
      method: 1,
      result: -95,
      methods: [2],
      modes: [1, 2],
    });
  });

  it('ask for entry by name with method none: the monitor for an id, an OSD with it', () => {
    const request = (file: string) => {
      const frame = parse([stream(file)]).frames.find((f) => f.kind === 'authRequest');
      if (frame?.kind !== 'authRequest') throw new Error(`no AUTH_REQUEST in ${file}`);
      const payload = decodeNoneRequest(frame.payload);
      expect(encodeNoneRequest(payload).equals(frame.payload)).toBe(true);
      return { method: frame.method, modes: frame.modes, ...payload };
    };
    const name = { type: ENTITY.client, id: 'admin' };
    const both = { method: AUTH_METHOD.none, modes: [CONNECTION_MODE.crc], name };
    const first = request('rados-put.0-mon.c2s.bin');
    expect(first).toEqual({ ...both, mode: AUTH_MODE.mon, globalId: 0 });
    const second = request('rados-put.4-osd.c2s.bin');
    expect(second).toMatchObject({ ...both, mode: AUTH_MODE.authorizer });
    expect(second.globalId).toBeGreaterThan(0);
  });

  it('are refused when any byte behind the banner is changed', () => {
    const bytes = stream('rados-put.4-osd.c2s.bin');
    // The late status of the last frame has a spare half that nobody reads.
    const spare = bytes.length - EPILOGUE_BYTES;
    for (let at = BANNER_BYTES; at < bytes.length; at++) {
      if (at === spare) continue;
      const bad = Buffer.from(bytes);
      bad[at]! ^= 0x10;
      expect(() => parse([bad]), `byte ${at}`).toThrow(ProtocolError);
    }
  });

  it('drop a frame that its sender aborted, and go on with the next', () => {
    const bytes = stream('rados-put.4-osd.c2s.bin');
    const aborted = Buffer.from(bytes);
    aborted[bytes.length - EPILOGUE_BYTES] = LATE_ABORTED;
    const { frames } = parse([bytes]);
    expect(kinds(frames).at(-1)).toBe('message 42');
    expect(kinds(parse([aborted]).frames)).toEqual(kinds(frames.slice(0, -1)));
  });
});
