import {
  bool,
  byteString,
  bytes,
  constant,
  Decoder,
  Encoder,
  encodeToBytes,
  map,
  s32,
  tuple,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../../codec/index.ts';
import { CephError, ERRNO } from '../../errors/index.ts';
import {
  COPY_FROM_FLAG_TRUNCATE_SEQ,
  ObjectLocator,
  OSD_OP,
  type OsdOp,
  ReqId,
  readArgs,
  SNAP_HEAD,
  UTime,
} from '../../wire/index.ts';
import { checkWrite } from './data-write.ts';
import { type Execution, kib, type Step } from './execution.ts';
import { omapHeader } from './omap.ts';
import type { CopyContent } from './types.ts';
import { userAttrs } from './xattr.ts';

// COPY_GET and COPY_FROM: object_copy_cursor_t and object_copy_data_t, src/osd/osd_types.cc of Ceph 16.2.

/** How far a copy has come. `omapAfter` is the last key sent. */
export const CopyCursor = versioned(
  'object_copy_cursor_t',
  { v: 1, compat: 1 },
  {
    attrsDone: bool,
    dataOffset: u53,
    dataDone: bool,
    omapAfter: byteString,
    omapDone: bool,
  },
);
export type CopyCursor = ValueOf<typeof CopyCursor>;
export const COPY_BEGIN: CopyCursor = {
  attrsDone: false,
  dataOffset: 0,
  dataDone: false,
  omapAfter: '',
  omapDone: false,
};

/** One answer to COPY_GET. We send no digests and no request ids. */
export const CopyData = versioned(
  'object_copy_data_t',
  { v: 8, compat: 5 },
  {
    size: u53,
    mtime: UTime,
    attrs: map(byteString, bytes),
    data: bytes,
    /** A map of keys to values, or nothing. */
    omap: bytes,
    cursor: CopyCursor,
    omapHeader: bytes,
    snaps: vec(u64),
    snapSeq: u64,
    flags: u32,
    dataDigest: constant(u32, 0xffffffff),
    omapDigest: constant(u32, 0xffffffff),
    reqids: vec(tuple(ReqId, u64)),
    truncateSeq: u32,
    truncateSize: u64,
    reqidResults: map(u32, s32),
  },
);
export type CopyData = ValueOf<typeof CopyData>;

/** Input of COPY_GET. @param maxBytes of data and omap that one answer should hold; a key over it still goes along */
export function copyGetInput(cursor: CopyCursor, maxBytes: number): Buffer {
  const out = new Encoder();
  CopyCursor.encode(out, cursor);
  out.u53(maxBytes);
  return out.finish();
}

export function copyGet(x: Execution, op: OsdOp): Step {
  const d = new Decoder(x.input(op));
  const cursor = CopyCursor.decode(d);
  const maxBytes = Number(d.u64());
  x.stats.numRd++;
  if (!x.exists) return -ERRNO.ENOENT;
  const rest = cursor.dataDone ? 0 : Math.max(0, x.size - cursor.dataOffset);
  return x.read(cursor.dataOffset, Math.min(rest, maxBytes), (data) => {
    const dataOffset = cursor.dataOffset + data.length;
    const dataDone = data.length === rest;
    const page = dataDone && !cursor.omapDone && maxBytes > data.length;
    const omap = page ? omapPage(x, cursor.omapAfter, maxBytes - data.length) : undefined;
    const part: CopyData = {
      size: x.size,
      mtime: x.object.info!.mtime,
      attrs: cursor.attrsDone ? new Map() : userAttrs(x),
      data,
      omap: omap?.bytes ?? Buffer.alloc(0),
      cursor: {
        attrsDone: true,
        dataOffset,
        dataDone,
        omapAfter: omap?.after ?? cursor.omapAfter,
        omapDone: omap?.done ?? cursor.omapDone,
      },
      omapHeader: page && cursor.omapAfter === '' ? omapHeader(x) : Buffer.alloc(0),
      snaps: [],
      snapSeq: 0n,
      flags: 0,
      dataDigest: 0xffffffff,
      omapDigest: 0xffffffff,
      reqids: [],
      truncateSeq: x.truncateSeq,
      truncateSize: BigInt(x.truncateSize),
      reqidResults: new Map(),
    };
    x.output(encodeToBytes(CopyData, part));
    return 0;
  });
}

const PAGE_ENTRIES = 1024;

/** At least one entry, then as many as fit. */
function omapPage(x: Execution, after: string, room: number) {
  const { store, collection } = x.env;
  const { entries, more } = x.hasOmap
    ? store.omapList(collection, x.object.oid, { after, limit: PAGE_ENTRIES })
    : { entries: [], more: false };
  let left = room;
  let n = 0;
  while (n < entries.length && left > 0) {
    left -= entries[n]![0].length + entries[n]![1].length + 8;
    n++;
  }
  const done = n === entries.length && !more;
  const taken = new Map(entries.slice(0, n));
  return {
    bytes: n > 0 ? encodeToBytes(OmapEntries, taken) : Buffer.alloc(0),
    done,
    after: done ? after : entries[n - 1]![0],
  };
}
const OmapEntries = map(byteString, bytes);

/** Asks for parts until the source is whole. @param get one COPY_GET: its output and the reply's user version */
export async function collectCopy(
  get: (cursor: CopyCursor) => Promise<{ output: Uint8Array; userVersion: bigint }>,
): Promise<CopyContent> {
  const attrs = new Map<string, Uint8Array>();
  const omap = new Map<string, Uint8Array>();
  const data: Uint8Array[] = [];
  let header: Uint8Array = Buffer.alloc(0);
  let cursor = COPY_BEGIN;
  for (;;) {
    const { output, userVersion } = await get(cursor);
    const part = CopyData.decode(new Decoder(output));
    for (const [name, value] of part.attrs) attrs.set(name, value);
    data.push(part.data);
    if (part.omap.length > 0) {
      for (const [key, value] of OmapEntries.decode(new Decoder(part.omap))) omap.set(key, value);
    }
    if (part.omapHeader.length > 0) header = part.omapHeader;
    if (part.cursor.dataDone && part.cursor.omapDone) {
      return {
        data: data.length === 1 ? data[0]! : Buffer.concat(data),
        mtime: part.mtime,
        userVersion,
        attrs,
        omapHeader: header,
        omap,
        truncateSeq: part.truncateSeq,
        truncateSize: Number(part.truncateSize),
      };
    }
    if (sameCursor(cursor, part.cursor)) throw new CephError('EIO', 'COPY_GET makes no progress');
    cursor = part.cursor;
  }
}

function sameCursor(a: CopyCursor, b: CopyCursor): boolean {
  return (
    a.attrsDone === b.attrsDone &&
    a.dataOffset === b.dataOffset &&
    a.dataDone === b.dataDone &&
    a.omapAfter === b.omapAfter
  );
}

/**
 * COPY_FROM and COPY_FROM2: the object becomes what the source is, its user version and stamp included. A source that
 * cannot be had ends the request without a trace (observed on 16.2: no log entry, op result EINPROGRESS).
 */
export function copyFrom(x: Execution, op: OsdOp): Step {
  const args = readArgs('copyFrom', op);
  const d = new Decoder(x.input(op));
  const name = d.byteString();
  const locator = ObjectLocator.decode(d);
  const truncation =
    op.code === OSD_OP.COPY_FROM2 ? { seq: d.u32(), size: Number(d.u64()) } : undefined;
  const { oid } = x.object;
  if (
    name === oid.name &&
    locator.key === oid.key &&
    locator.namespace === oid.namespace &&
    locator.pool === oid.pool &&
    args.snapid === SNAP_HEAD
  ) {
    return -ERRNO.EINVAL;
  }
  const { fetchCopy } = x.env;
  if (!fetchCopy) return -ERRNO.EOPNOTSUPP;
  const given = (args.flags & COPY_FROM_FLAG_TRUNCATE_SEQ) !== 0 ? truncation : undefined;
  return fetchCopy({ name, locator, snapid: args.snapid, version: args.srcVersion }).then(
    (content) => become(x, content, given),
    (error: unknown) => {
      if (!(error instanceof CephError)) throw error;
      x.kind = 'early';
      return -error.errno;
    },
  );
}

function become(
  x: Execution,
  content: CopyContent,
  truncation: { seq: number; size: number } | undefined,
): number {
  const { data, attrs, omap, omapHeader: header } = content;
  const checked = checkWrite(x, 0, data.length);
  if (checked < 0) return checked;
  const at = { c: x.env.collection, oid: x.object.oid };
  if (x.exists) x.remove();
  x.create();
  x.stats.numWr++;
  x.stats.numWrKb += kib(data.length);
  if (data.length > 0) x.txn.push({ op: 'write', ...at, offset: 0, data });
  x.writtenBytes += data.length;
  x.resize(data.length);
  if (attrs.size > 0) {
    const named = [...attrs].map(([name, value]): [string, Uint8Array] => [`_${name}`, value]);
    x.txn.push({ op: 'setattrs', ...at, attrs: new Map(named) });
  }
  if (omap.size > 0) x.txn.push({ op: 'omapSet', ...at, entries: omap });
  if (header.length > 0) x.txn.push({ op: 'omapSetHeader', ...at, header });
  x.setOmap(omap.size > 0 || header.length > 0);
  x.truncateSeq = truncation?.seq ?? content.truncateSeq;
  x.truncateSize = truncation?.size ?? content.truncateSize;
  x.copied = { userVersion: content.userVersion, mtime: content.mtime };
  return 0;
}
