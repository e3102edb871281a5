import { CRC_BLOCK_BYTES } from '../../codec/index.ts';
import { CephError, DecodeError } from '../../errors/index.ts';
import { POOLED_FROM } from '../../runtime/index.ts';
import type { Collection, ObjectStore, ReadMemory, StoreOp } from '../../store/index.ts';
import { type EVersion, formatPgId, type HObject, SNAP_HEAD } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { sameVersion } from '../log/pg-log.ts';
import { decodeObjectInfo, INFO_ATTR } from '../ops/index.ts';
import type { CopyCursor, ObjectPart } from '../peer-messages.ts';
import type { MissingItem } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';

/** A part holds at most so much of each kind, so that a large object never needs one large buffer. */
const PART_OMAP_BYTES = 1 << 20;
const PART_OMAP_ENTRIES = 4096;

export const COPY_START: CopyCursor = { data: 0, dataDone: false, omapAfter: undefined };

/** The version of an object that is here whole; undefined when there is none, or only a part of a copy. */
export function storedVersion(
  store: ObjectStore,
  c: Collection,
  oid: HObject,
): EVersion | undefined {
  const attr = store.getattr(c, oid, INFO_ATTR);
  return attr === undefined ? undefined : decodeObjectInfo(attr).version;
}

/** Is an object here whole, in just this version? @throws CephError, DecodeError if its record is damaged */
export function isHere(
  { store }: Pick<PgHost, 'store'>,
  state: Pick<PgState, 'c' | 'missing'>,
  oid: HObject,
  need: EVersion,
): boolean {
  const lacked = state.missing.get(oidKey(oid));
  if (lacked && sameVersion(lacked.need, need)) return false;
  const version = storedVersion(store, state.c, oid);
  return version !== undefined && sameVersion(version, need);
}

/** A part of an object as it is sent. */
export interface SentPart {
  /** None: the object is not here in the version that was asked for. */
  readonly part: ObjectPart | undefined;
  readonly data: readonly Uint8Array[];
  /** Of each piece of data, where they are known: see OutgoingMessage. */
  readonly dataCrcs: readonly (Uint32Array | undefined)[];
}

/** Nothing to send. */
export const NO_PART: SentPart = { part: undefined, data: [], dataCrcs: [] };

/** The next part of an object: data as extents, at most `dataBytes`; then omap; attributes with the last one. */
export async function readPart(
  store: ObjectStore,
  c: Collection,
  oid: HObject,
  version: EVersion,
  cursor: CopyCursor,
  dataBytes: number,
): Promise<SentPart & { readonly part: ObjectPart }> {
  const size = store.stat(c, oid)?.size ?? 0;
  const first = cursor.data === 0 && !cursor.dataDone && cursor.omapAfter === undefined;
  const info = first ? store.getattr(c, oid, INFO_ATTR) : undefined;
  const allocHintFlags = info ? decodeObjectInfo(info).allocHintFlags : 0;
  const extents: { offset: number; length: number }[] = [];
  const data: Uint8Array[] = [];
  const dataCrcs: (Uint32Array | undefined)[] = [];
  let { data: at, dataDone } = cursor;
  let room = dataBytes;
  if (!dataDone) {
    for (const e of store.extents(c, oid, at, size - at)) {
      const length = Math.min(e.length, room);
      if (length === 0) break;
      // What the store has checked of large ones need be summed up neither for the session nor at its other end.
      const memory: ReadMemory | undefined =
        length < POOLED_FROM ? undefined : { take: Buffer.allocUnsafeSlow, crcs: undefined };
      const bytes = await store.read(c, oid, e.offset, length, memory);
      extents.push({ offset: e.offset, length: bytes.length });
      data.push(bytes);
      dataCrcs.push(memory?.crcs);
      at = e.offset + length;
      room -= length;
    }
    if (room > 0) dataDone = true;
  }
  const omap = new Map<string, Uint8Array>();
  let { omapAfter } = cursor;
  let more = true;
  if (dataDone) {
    let bytes = 0;
    const from = omapAfter === undefined ? { from: '' } : { after: omapAfter };
    const page = store.omapList(c, oid, { ...from, limit: PART_OMAP_ENTRIES });
    more = page.more;
    for (const [key, value] of page.entries) {
      if (bytes > PART_OMAP_BYTES) {
        more = true;
        break;
      }
      omap.set(key, value);
      bytes += key.length + value.length;
      omapAfter = key;
    }
  }
  const end = more
    ? undefined
    : { attrs: store.getattrs(c, oid), omapHeader: store.omapHeader(c, oid) };
  const next = { data: at, dataDone, omapAfter };
  const part = { oid, version, first, size, allocHintFlags, extents, omap, end, next };
  return { part, data, dataCrcs };
}

/**
 * The store operations of a part. The first one removes what was there; the object has its attributes, and with them a
 * version, only after the last.
 * @param crcs crc32c(0xffffffff) of each whole 4096 bytes of `data`, if they are known
 */
export function applyPart(
  c: Collection,
  part: ObjectPart,
  data: Buffer,
  crcs?: Uint32Array,
): StoreOp[] {
  const { oid } = part;
  if (oid.snap !== SNAP_HEAD)
    throw new DecodeError('an object that is not a head', 0, 'ObjectPart');
  const ops: StoreOp[] = part.first
    ? [
        { op: 'remove', c, oid },
        { op: 'touch', c, oid },
        { op: 'truncate', c, oid, size: part.size },
      ]
    : [];
  if (part.first && part.allocHintFlags !== 0) {
    ops.push({ op: 'hint', c, oid, flags: part.allocHintFlags });
  }
  let at = 0;
  for (const e of part.extents) {
    if (at + e.length > data.length)
      throw new DecodeError('extents beyond the data', at, 'ObjectPart');
    const bytes = data.subarray(at, at + e.length);
    ops.push({
      op: 'write',
      c,
      oid,
      offset: e.offset,
      data: bytes,
      crcs: crcsAt(crcs, at, e.length),
    });
    at += e.length;
  }
  if (part.omap.size > 0) ops.push({ op: 'omapSet', c, oid, entries: part.omap });
  if (part.end) {
    if (part.end.omapHeader) {
      ops.push({ op: 'omapSetHeader', c, oid, header: part.end.omapHeader });
    }
    ops.push({ op: 'setattrs', c, oid, attrs: part.end.attrs });
  }
  return ops;
}

/**
 * A holder's answer to a pull: the part asked for, or none if the object is not here in that version, or not readable. An
 * older version than is missing here may be asked for when nobody has the newest.
 */
export async function partFor(
  host: PgHost,
  state: PgState,
  oid: HObject,
  need: MissingItem['need'],
  cursor: typeof COPY_START,
): Promise<SentPart> {
  try {
    if (!isHere(host, state, oid, need)) return NO_PART;
    const { chunkBytes } = host.recoveryOrders(state.pgid.pool);
    return await readPart(host.store, state.c, oid, need, cursor, chunkBytes);
  } catch (error) {
    if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    return NO_PART;
  }
}

/** Of the blocks of a stretch, if it begins with one. */
function crcsAt(
  crcs: Uint32Array | undefined,
  at: number,
  length: number,
): Uint32Array | undefined {
  if (!crcs || at % CRC_BLOCK_BYTES !== 0) return undefined;
  const first = at / CRC_BLOCK_BYTES;
  return crcs.subarray(first, first + Math.floor(length / CRC_BLOCK_BYTES));
}
