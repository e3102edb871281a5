import { Decoder, Encoder } from '../codec/index.ts';
import { DecodeError, unreachable } from '../errors/index.ts';
import type { HObject } from '../wire/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import type { StoreOp, Transaction } from './object-store.ts';
import { decodeOid, encodeOid } from './oid-codec.ts';

/*
 * A transaction between OSDs: `meta` holds the steps, the bytes of writes follow in order in `data`.
 *
 *   meta: version u8 · count u32 · steps
 *   step: opcode u8 (+ SAME_C, SAME_OID when equal to the step before) · collection · object · fields
 */
const VERSION = 2;
const SAME_C = 0x80;
const SAME_OID = 0x40;
const STEPS_MAX = 1 << 20;

const CODES = [
  'mkcoll',
  'rmcoll',
  'touch',
  'write',
  'zero',
  'truncate',
  'remove',
  'setattrs',
  'rmattr',
  'omapSet',
  'omapRmKeys',
  'omapRmRange',
  'omapClear',
  'omapSetHeader',
  'clone',
  'hint',
  'splitcoll',
  'mergecoll',
  'cloneRange',
] as const satisfies readonly StoreOp['op'][];
const CODE_OF = new Map<string, number>(CODES.map((name, i) => [name, i]));

/**
 * The bytes of a transaction for another daemon.
 * @returns first the steps (`meta`), then the data of each write in order, not copied
 */
export function encodeTransaction(txn: Transaction): Uint8Array[] {
  const o = new Encoder(0n, 512);
  const out: Uint8Array[] = [o.written()];
  o.u8(VERSION);
  o.u32(txn.length);
  let c: string | undefined;
  let oid: HObject | undefined;
  for (const op of txn) {
    const own = ownObject(op);
    const sameC = op.c === c;
    const sameOid = own !== undefined && oid !== undefined && equal(own, oid);
    o.u8(CODE_OF.get(op.op)! | (sameC ? SAME_C : 0) | (sameOid ? SAME_OID : 0));
    if (!sameC) o.str(op.c);
    if (own && !sameOid) writeOid(o, own);
    c = op.c;
    oid = own ?? oid;
    encodeFields(o, op, out);
  }
  out[0] = o.finish();
  return out;
}

/** The object that a step is about. */
function ownObject(op: StoreOp): HObject | undefined {
  if (op.op === 'clone' || op.op === 'cloneRange') return op.from;
  return 'oid' in op ? op.oid : undefined;
}

function encodeFields(o: Encoder, op: StoreOp, out: Uint8Array[]): void {
  switch (op.op) {
    case 'rmcoll':
    case 'touch':
    case 'remove':
    case 'omapClear':
      return;
    case 'mkcoll':
      o.bool(op.bounds !== undefined);
      if (!op.bounds) return;
      o.u53(op.bounds.pool);
      o.u32(op.bounds.seed);
      o.u8(op.bounds.bits);
      return;
    case 'splitcoll':
      o.u8(op.bits);
      o.u32(op.seed);
      o.str(op.dest);
      return;
    case 'mergecoll':
      o.u8(op.bits);
      o.str(op.dest);
      return;
    case 'write':
      o.u53(op.offset);
      o.u32(op.data.length);
      if (op.data.length > 0) out.push(op.data);
      return;
    case 'zero':
      o.u53(op.offset);
      o.u53(op.length);
      return;
    case 'truncate':
      o.u53(op.size);
      return;
    case 'setattrs':
      encodeByteMap(o, op.attrs);
      return;
    case 'rmattr':
      o.byteString(op.name);
      return;
    case 'omapSet':
      encodeByteMap(o, op.entries);
      return;
    case 'omapRmKeys':
      o.u32(op.keys.length);
      for (const key of op.keys) o.byteString(key);
      return;
    case 'omapRmRange':
      o.byteString(op.from);
      o.byteString(op.to);
      return;
    case 'omapSetHeader':
      o.bytes(op.header);
      return;
    case 'clone':
      writeOid(o, op.to);
      return;
    case 'cloneRange':
      writeOid(o, op.to);
      o.u53(op.offset);
      o.u53(op.length);
      o.u53(op.at);
      return;
    case 'hint':
      o.u32(op.flags);
      return;
    default:
      unreachable(op);
  }
}

/**
 * The transaction that {@link encodeTransaction} wrote. Values and data are views of the two buffers.
 * @param data the write data, joined
 * @param crcs of each whole 4096 bytes of `data`, if known
 * @throws DecodeError when the bytes are malformed or the data is shorter or longer than the steps say
 */
export function decodeTransaction(meta: Buffer, data: Buffer, crcs?: Uint32Array): Transaction {
  const d = new Decoder(meta);
  const version = d.u8();
  if (version !== VERSION) d.fail(`transaction version ${version}`);
  const count = d.length(STEPS_MAX);
  const bytes = new Decoder(data);
  const txn: StoreOp[] = [];
  const last: Last = { c: undefined, oid: undefined, crcs };
  for (let i = 0; i < count; i++) txn.push(decodeStep(d, bytes, last));
  d.finish();
  if (bytes.remaining !== 0) bytes.fail(`${bytes.remaining} bytes of data left over`);
  return txn;
}

interface Last {
  c: string | undefined;
  oid: HObject | undefined;
  readonly crcs: Uint32Array | undefined;
}

function decodeStep(d: Decoder, data: Decoder, last: Last): StoreOp {
  const at = d.offset;
  const code = d.u8();
  const op = CODES[code & 0x3f];
  if (op === undefined) throw new DecodeError(`step ${code & 0x3f}`, at);
  if (!(code & SAME_C)) last.c = d.str();
  const c = last.c;
  if (c === undefined) throw new DecodeError('first step without a collection', at);
  switch (op) {
    case 'rmcoll':
      return { op, c };
    case 'mkcoll':
      if (!d.bool()) return { op, c };
      return { op, c, bounds: { pool: d.u53(), seed: d.u32(), bits: d.u8() } };
    case 'splitcoll':
      return { op, c, bits: d.u8(), seed: d.u32(), dest: d.str() };
    case 'mergecoll':
      return { op, c, bits: d.u8(), dest: d.str() };
  }
  if (!(code & SAME_OID)) last.oid = readOid(d);
  const oid = last.oid;
  if (oid === undefined) throw new DecodeError('first step without an object', at);
  switch (op) {
    case 'touch':
    case 'remove':
    case 'omapClear':
      return { op, c, oid };
    case 'write': {
      const offset = d.u53();
      const crcs = crcsFrom(last.crcs, data.offset);
      const bytes = data.view(d.u32());
      const write = { op, c, oid, offset, data: bytes };
      return crcs ? { ...write, crcs: crcs.subarray(0, bytes.length / BLOCK_BYTES) } : write;
    }
    case 'zero':
      return { op, c, oid, offset: d.u53(), length: d.u53() };
    case 'truncate':
      return { op, c, oid, size: d.u53() };
    case 'setattrs':
      return { op, c, oid, attrs: decodeByteMap(d) };
    case 'rmattr':
      return { op, c, oid, name: d.byteString() };
    case 'omapSet':
      return { op, c, oid, entries: decodeByteMap(d) };
    case 'omapRmKeys': {
      const keys: string[] = [];
      for (let n = d.length(); n > 0; n--) keys.push(d.byteString());
      return { op, c, oid, keys };
    }
    case 'omapRmRange':
      return { op, c, oid, from: d.byteString(), to: d.byteString() };
    case 'omapSetHeader':
      return { op, c, oid, header: d.bytes() };
    case 'clone':
      return { op, c, from: oid, to: readOid(d) };
    case 'cloneRange': {
      const to = readOid(d);
      return { op, c, from: oid, to, offset: d.u53(), length: d.u53(), at: d.u53() };
    }
    case 'hint':
      return { op, c, oid, flags: d.u32() };
    default:
      return unreachable(op);
  }
}

/** The checksums of the blocks that begin at an offset of the data. */
function crcsFrom(crcs: Uint32Array | undefined, offset: number): Uint32Array | undefined {
  return offset % BLOCK_BYTES === 0 ? crcs?.subarray(offset / BLOCK_BYTES) : undefined;
}

/** Attributes or omap entries: a count, then byte strings with their values. */
export function encodeByteMap(o: Encoder, map: ReadonlyMap<string, Uint8Array>): void {
  o.u32(map.size);
  for (const [key, value] of map) {
    o.byteString(key);
    o.bytes(value);
  }
}

/** What {@link encodeByteMap} wrote. @throws DecodeError */
export function decodeByteMap(d: Decoder): Map<string, Uint8Array> {
  const map = new Map<string, Uint8Array>();
  for (let n = d.length(); n > 0; n--) map.set(d.byteString(), d.bytes());
  return map;
}

function writeOid(o: Encoder, v: HObject): void {
  encodeOid(o, v);
  o.bool(v.max);
}

function readOid(d: Decoder): HObject {
  return decodeOid(d, readBool);
}

function readBool(d: Decoder): boolean {
  return d.bool();
}

function equal(a: HObject, b: HObject): boolean {
  return (
    a === b ||
    (a.hash === b.hash &&
      a.name === b.name &&
      a.snap === b.snap &&
      a.key === b.key &&
      a.namespace === b.namespace &&
      a.pool === b.pool &&
      a.max === b.max)
  );
}
