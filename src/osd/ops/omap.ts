import {
  ascending,
  bool,
  byteString,
  bytes,
  Decoder,
  Encoder,
  encodeToBytes,
  map,
  s32,
  set,
  tuple,
} from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import { CMPXATTR_OP, type OsdOp } from '../../wire/index.ts';
import { EMPTY, type Execution, kib } from './execution.ts';

const OmapValues = map(byteString, bytes);
const OmapKeys = set(byteString);
const OmapAssertions = map(byteString, tuple(bytes, s32));

/** Whether there is an omap to read: in the store, and not removed by an earlier op of the request. */
function readable(x: Execution): boolean {
  return x.stored && x.hasOmap;
}

/** OMAPGETKEYS, OMAPGETVALS: a page of entries after a key, and whether there are more. */
export function getOmap(x: Execution, op: OsdOp, withValues: boolean): number {
  const d = new Decoder(x.input(op));
  const after = d.byteString();
  const count = Number(d.u64());
  const prefix = withValues ? d.byteString() : '';
  x.stats.numRd++;
  const out = new Encoder(undefined, 1024);
  const at = out.reserve(4);
  const page = readable(x) ? pageOf(x, after, prefix, count) : { taken: [], more: false };
  out.patchU32(at, page.taken.length);
  for (const [key, value] of page.taken) {
    out.byteString(key);
    if (withValues) out.bytes(value);
  }
  bool.encode(out, page.more);
  x.output(out.finish());
  return x.result;
}

function pageOf(x: Execution, after: string, prefix: string, count: number) {
  const { store, collection, limits } = x.env;
  const limit = Math.min(count, limits.omapEntriesMax);
  // One more than wanted, to see even for a limit of 0 whether there are more.
  const options = { after, prefix, limit: limit + 1 };
  const { entries } = store.omapList(collection, x.object.oid, options);
  let bytesTaken = 0;
  let n = 0;
  for (const [key, value] of entries) {
    if (n >= limit || bytesTaken >= limits.omapBytesMax) break;
    bytesTaken += key.length + value.length + 8;
    n++;
  }
  return { taken: entries.slice(0, n), more: n < entries.length };
}

export function getOmapHeader(x: Execution): number {
  x.stats.numRd++;
  x.output(omapHeader(x));
  return x.result;
}

export function omapHeader(x: Execution): Uint8Array {
  if (!readable(x)) return EMPTY;
  return x.env.store.omapHeader(x.env.collection, x.object.oid) ?? EMPTY;
}

/** Keys that are missing are left out. */
export function getOmapByKeys(x: Execution, op: OsdOp): number {
  const keys = OmapKeys.decode(new Decoder(x.input(op)));
  x.stats.numRd++;
  x.output(encodeToBytes(OmapValues, lookUp(x, keys)));
  return x.result;
}

function lookUp(x: Execution, keys: Iterable<string>): Map<string, Uint8Array> {
  if (!readable(x)) return new Map();
  return x.env.store.omapGet(x.env.collection, x.object.oid, keys);
}

/** Stored value OP given value: the other way round than CMPXATTR. A missing key compares as empty. */
export function compareOmap(x: Execution, op: OsdOp): number {
  x.stats.numRd++;
  if (!x.exists) return -ERRNO.ENOENT;
  const assertions = OmapAssertions.decode(new Decoder(x.input(op)));
  const found = lookUp(x, assertions.keys());
  for (const [key, [given, cmpOp]] of [...assertions].sort((a, b) => ascending(a[0], b[0]))) {
    const order = Buffer.compare(found.get(key) ?? EMPTY, given);
    const holds = holdsFor(cmpOp, order);
    if (holds === undefined) return -ERRNO.EINVAL;
    if (!holds) return -ERRNO.ECANCELED;
  }
  return x.result;
}

/** Observed on 16.2: only these three are known here. */
function holdsFor(cmpOp: number, order: number): boolean | undefined {
  if (cmpOp === CMPXATTR_OP.EQ) return order === 0;
  if (cmpOp === CMPXATTR_OP.LT) return order < 0;
  return cmpOp === CMPXATTR_OP.GT ? order > 0 : undefined;
}

export function setOmap(x: Execution, op: OsdOp): number {
  const input = x.input(op);
  const entries = OmapValues.decode(new Decoder(input));
  x.create();
  x.setOmap(true);
  x.stats.numWr++;
  x.stats.numWrKb += kib(input.length);
  if (entries.size > 0) {
    x.txn.push({ op: 'omapSet', c: x.env.collection, oid: x.object.oid, entries });
  }
  return 0;
}

export function setOmapHeader(x: Execution, op: OsdOp): number {
  x.create();
  x.setOmap(true);
  x.stats.numWr++;
  const header = x.input(op);
  x.txn.push({ op: 'omapSetHeader', c: x.env.collection, oid: x.object.oid, header });
  return 0;
}

export function clearOmap(x: Execution): number {
  if (!x.exists) return -ERRNO.ENOENT;
  if (!x.hasOmap) return 0;
  x.txn.push({ op: 'omapClear', c: x.env.collection, oid: x.object.oid });
  x.setOmap(false);
  x.modified = true;
  x.stats.numWr++;
  return 0;
}

export function removeOmapKeys(x: Execution, op: OsdOp): number {
  if (!x.exists) return -ERRNO.ENOENT;
  const keys = OmapKeys.decode(new Decoder(x.input(op)));
  x.modified = true;
  x.omapDigest = undefined;
  x.stats.numWr++;
  if (x.hasOmap && keys.size > 0) {
    x.txn.push({ op: 'omapRmKeys', c: x.env.collection, oid: x.object.oid, keys: [...keys] });
  }
  return 0;
}

/** A range that ends before it begins holds nothing. */
export function removeOmapRange(x: Execution, op: OsdOp): number {
  if (!x.exists) return -ERRNO.ENOENT;
  const d = new Decoder(x.input(op));
  const from = d.byteString();
  const to = d.byteString();
  x.modified = true;
  x.omapDigest = undefined;
  x.stats.numWr++;
  if (x.hasOmap && from < to) {
    x.txn.push({ op: 'omapRmRange', c: x.env.collection, oid: x.object.oid, from, to });
  }
  return 0;
}
