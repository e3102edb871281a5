import {
  byteString,
  byteStringOf,
  bytes as bytesCodec,
  type Codec,
  Decoder,
  Encoder,
  map,
  s32,
  struct,
  textOf,
} from '../codec/index.ts';
import {
  type AckLevel,
  argsBytes,
  CMPXATTR_MODE,
  CMPXATTR_OP,
  msOfUtime,
  noArgs,
  OSD_OP,
  OSD_OP_FLAG,
  UTime,
} from '../wire/index.ts';
import type { CallOptions } from './abort.ts';

/** How a write is sent. */
export interface WriteOptions extends CallOptions {
  /**
   * When it is answered; all acting members of the object's PG have it
   *
   * - `memory`: in memory. Outlives the loss of some members, not that of all at once: a power cut may take it back, with
   *   every later write to the PG, never one before it or a part of one. Reads do not show it before it is durable.
   * - `journal` (default): durable. No crash takes it back.
   * - `disk`: durable, with data and metadata in their place: until it is overwritten, it outlives the loss of members'
   *   journals too.
   *
   * On a cluster of Ceph's own OSDs each of them is `journal`.
   */
  readonly ack?: AckLevel;
}

/** One op of a request, as the objecter sends it. */
export interface OpStep {
  readonly code: number;
  readonly flags: number;
  readonly args: Uint8Array;
  readonly data: readonly Uint8Array[];
  readonly dataLength: number;
}

/** Text is written as UTF-8; bytes are taken as they are and must not change before the call ends. */
export type Data = string | Uint8Array;
/** A name or key: text as UTF-8, or bytes. */
export type Name = string | Uint8Array;
export type Comparison = keyof typeof CMPXATTR_OP;

const NOTHING: readonly Uint8Array[] = [];

export function nameBytes(name: Name): string {
  return typeof name === 'string'
    ? byteStringOf(name)
    : Buffer.from(name.buffer, name.byteOffset, name.byteLength).latin1Slice();
}

function dataBytes(data: Data): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
}

function step(
  code: number,
  args: Uint8Array = noArgs(),
  data: readonly Uint8Array[] = NOTHING,
  flags = 0,
): OpStep {
  let dataLength = 0;
  for (const d of data) dataLength += d.length;
  return { code, flags, args, data, dataLength };
}

function extent(code: number, offset: number, length: number, data?: Uint8Array): OpStep {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset ${offset}`);
  if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`length ${length}`);
  return step(
    code,
    argsBytes('extent', { offset, length, truncateSize: 0, truncateSeq: 0 }),
    data ? [data] : NOTHING,
  );
}

/** Ops whose input is a coded value: omap and the like carry its length in the extent's length field. */
function coded(code: number, write: (o: Encoder) => void): OpStep {
  const o = new Encoder();
  write(o);
  const input = o.finish();
  return extent(code, 0, input.length, input);
}

function xattr(code: number, name: Name, value: Uint8Array, cmpOp = 0, cmpMode = 0): OpStep {
  const key = Buffer.from(nameBytes(name), 'latin1');
  const args = argsBytes('xattr', {
    nameLength: key.length,
    valueLength: value.length,
    cmpOp,
    cmpMode,
  });
  return step(code, args, [key, value]);
}

const EMPTY = new Uint8Array(0);
const keyValues: Codec<Map<string, Uint8Array>> = map(byteString, bytesCodec);
const comparisons = map(byteString, struct('assertion', { value: bytesCodec, op: s32 }));

function entriesOf(entries: Entries): Map<string, Uint8Array> {
  const list = entries instanceof Map ? entries : Object.entries(entries);
  return new Map([...list].map(([k, v]) => [nameBytes(k), dataBytes(v)]));
}
/** Keys with their values. */
export type Entries = ReadonlyMap<Name, Data> | Readonly<Record<string, Data>>;

function keySet(keys: Iterable<Name>): (o: Encoder) => void {
  const sorted = [...keys].map(nameBytes).sort((a, b) => (a < b ? -1 : 1));
  return (o) => {
    o.u32(sorted.length);
    for (const k of sorted) o.byteString(k);
  };
}

/** Conditions that either kind of operation may begin with; the whole operation fails with their errno. */
abstract class Operation {
  readonly steps: OpStep[] = [];

  protected add(s: OpStep): this {
    this.steps.push(s);
    return this;
  }
  /** ENOENT unless the object exists. */
  assertExists(): this {
    return this.add(step(OSD_OP.STAT));
  }
  /** ERANGE when the object is newer than `version`, EOVERFLOW when it is older. */
  assertVersion(version: bigint): this {
    return this.add(step(OSD_OP.ASSERT_VER, argsBytes('assertVer', { unused: 0n, version })));
  }
  /** ECANCELED unless `value` OP the stored attribute holds; a bigint compares as a decimal number. */
  compareXattr(name: Name, op: Comparison, value: Data | bigint): this {
    if (typeof value !== 'bigint') {
      return this.add(
        xattr(OSD_OP.CMPXATTR, name, dataBytes(value), CMPXATTR_OP[op], CMPXATTR_MODE.STRING),
      );
    }
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(value);
    return this.add(xattr(OSD_OP.CMPXATTR, name, number, CMPXATTR_OP[op], CMPXATTR_MODE.U64));
  }
  /** ECANCELED unless each key's value compares as given. */
  compareOmap(key: Name, op: Comparison, value: Data): this {
    const one = new Map([[nameBytes(key), { value: dataBytes(value), op: CMPXATTR_OP[op] }]]);
    return this.add(coded(OSD_OP.OMAP_CMP, (o) => comparisons.encode(o, one)));
  }
  /** ECANCELED (or the OSD's errno) unless the object holds these bytes there. */
  compareData(offset: number, data: Data): this {
    const d = dataBytes(data);
    return this.add(extent(OSD_OP.CMPEXT, offset, d.length, d));
  }
}

/** Writes to one object, applied together or not at all. */
export class WriteOp extends Operation {
  /** EEXIST when `exclusive` and the object exists. */
  create(options?: { exclusive?: boolean }): this {
    return this.add(
      step(OSD_OP.CREATE, noArgs(), NOTHING, options?.exclusive ? OSD_OP_FLAG.EXCL : 0),
    );
  }
  write(data: Data, offset = 0): this {
    const d = dataBytes(data);
    return this.add(extent(OSD_OP.WRITE, offset, d.length, d));
  }
  writeFull(data: Data): this {
    const d = dataBytes(data);
    return this.add(extent(OSD_OP.WRITEFULL, 0, d.length, d));
  }
  append(data: Data): this {
    const d = dataBytes(data);
    return this.add(extent(OSD_OP.APPEND, 0, d.length, d));
  }
  /** Repeats `pattern` over `length` bytes, a multiple of its own length. */
  writeSame(pattern: Uint8Array, offset: number, length: number): this {
    const args = argsBytes('writesame', { offset, length, dataLength: pattern.length });
    return this.add(step(OSD_OP.WRITESAME, args, [pattern]));
  }
  truncate(size: number): this {
    return this.add(extent(OSD_OP.TRUNCATE, size, 0));
  }
  zero(offset: number, length: number): this {
    return this.add(extent(OSD_OP.ZERO, offset, length));
  }
  remove(): this {
    return this.add(step(OSD_OP.DELETE));
  }
  setXattr(name: Name, value: Data): this {
    return this.add(xattr(OSD_OP.SETXATTR, name, dataBytes(value)));
  }
  rmXattr(name: Name): this {
    return this.add(xattr(OSD_OP.RMXATTR, name, EMPTY));
  }
  setOmap(entries: Entries): this {
    const list = entriesOf(entries);
    return this.add(coded(OSD_OP.OMAPSETVALS, (o) => keyValues.encode(o, list)));
  }
  rmOmapKeys(keys: Iterable<Name>): this {
    return this.add(coded(OSD_OP.OMAPRMKEYS, keySet(keys)));
  }
  /** Removes from <= key < to. */
  rmOmapRange(from: Name, to: Name): this {
    return this.add(
      coded(OSD_OP.OMAPRMKEYRANGE, (o) => {
        o.byteString(nameBytes(from));
        o.byteString(nameBytes(to));
      }),
    );
  }
  clearOmap(): this {
    return this.add(step(OSD_OP.OMAPCLEAR));
  }
  setOmapHeader(header: Data): this {
    const d = dataBytes(header);
    return this.add(extent(OSD_OP.OMAPSETHEADER, 0, d.length, d));
  }
  /** Sizes in bytes that help the store place the object. Never fails the operation. */
  allocHint(expectedObjectSize: number, expectedWriteSize: number): this {
    const args = argsBytes('allocHint', { expectedObjectSize, expectedWriteSize, flags: 0 });
    return this.add(step(OSD_OP.SETALLOCHINT, args, NOTHING, OSD_OP_FLAG.FAILOK));
  }
}

export interface ObjectInfo {
  readonly size: number;
  readonly mtime: Date;
}
export interface OmapPage {
  /** In key order. Keys as text; bytes that are not UTF-8 become U+FFFD. */
  readonly entries: [key: string, value: Buffer][];
  /** Give it as `after` for the next page; undefined when this was the last. */
  readonly next: Uint8Array | undefined;
}
export interface DataExtent {
  readonly offset: number;
  readonly data: Buffer;
}

/** Turns the output of one step into its value. */
type Reader = (output: Buffer) => unknown;

/** Reads of one object at one moment. Its results come in the order of the calls, typed. */
export class ReadOp<R extends unknown[] = []> extends Operation {
  /** One per step that has a result, and the step it belongs to. */
  readonly readers: { readonly step: number; readonly read: Reader }[] = [];
  /** The object's version when it was read with this last, as `rados_get_last_version` gives it. */
  version = 0n;

  private result<T>(s: OpStep, read: (output: Buffer) => T): ReadOp<[...R, T]> {
    this.readers.push({ step: this.steps.length, read });
    this.steps.push(s);
    return this as unknown as ReadOp<[...R, T]>;
  }
  /** Short at the object's end; length 0 reads to the end. */
  read(offset = 0, length = 0): ReadOp<[...R, Buffer]> {
    return this.result(extent(OSD_OP.READ, offset, length), (b) => b);
  }
  /** Only ranges that hold data. */
  sparseRead(offset: number, length: number): ReadOp<[...R, DataExtent[]]> {
    return this.result(extent(OSD_OP.SPARSE_READ, offset, length), readExtents);
  }
  stat(): ReadOp<[...R, ObjectInfo]> {
    return this.result(step(OSD_OP.STAT), (b) => {
      const d = new Decoder(b);
      return { size: d.u53(), mtime: new Date(msOfUtime(UTime.decode(d))) };
    });
  }
  /** ENODATA when there is none of that name. */
  getXattr(name: Name): ReadOp<[...R, Buffer]> {
    return this.result(xattr(OSD_OP.GETXATTR, name, EMPTY), (b) => b);
  }
  xattrs(): ReadOp<[...R, Map<string, Buffer>]> {
    return this.result(step(OSD_OP.GETXATTRS), readMap);
  }
  omapHeader(): ReadOp<[...R, Buffer]> {
    return this.result(step(OSD_OP.OMAPGETHEADER), (b) => b);
  }
  /** Values of the keys that exist. */
  omapValues(keys: Iterable<Name>): ReadOp<[...R, Map<string, Buffer>]> {
    return this.result(coded(OSD_OP.OMAPGETVALSBYKEYS, keySet(keys)), readMap);
  }
  /** Entries after a key; the OSD bounds the page too (osd_max_omap_entries_per_request). */
  omapPage(options?: { after?: Name; prefix?: Name; limit?: number }): ReadOp<[...R, OmapPage]> {
    const s = coded(OSD_OP.OMAPGETVALS, (o) => {
      o.byteString(nameBytes(options?.after ?? ''));
      o.u53(options?.limit ?? 1024);
      o.byteString(nameBytes(options?.prefix ?? ''));
    });
    return this.result(s, (b) => {
      const d = new Decoder(b);
      const raw: [string, Buffer][] = [];
      for (let n = d.length(); n > 0; n--) raw.push([d.byteString(), d.bytes()]);
      const more = d.bool() && raw.length > 0;
      return {
        entries: raw.map(([k, v]): [string, Buffer] => [textOf(k), v]),
        next: more ? Buffer.from(raw.at(-1)![0], 'latin1') : undefined,
      };
    });
  }
}

function readMap(b: Buffer): Map<string, Buffer> {
  const d = new Decoder(b);
  const out = new Map<string, Buffer>();
  for (let n = d.length(); n > 0; n--) out.set(d.str(), d.bytes());
  return out;
}

function readExtents(b: Buffer): DataExtent[] {
  const d = new Decoder(b);
  const ranges = Array.from({ length: d.length() }, () => [d.u53(), d.u53()] as const);
  const data = d.bytes();
  let at = 0;
  return ranges.map(([offset, length]) => {
    const piece = data.subarray(at, at + length);
    at += length;
    return { offset, data: piece };
  });
}
