import { CephError, DecodeError } from '../../errors/index.ts';
import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
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

/** The next part of an object: data as extents, at most `dataBytes`; then omap; attributes with the last one. */
export async function readPart(
  store: ObjectStore,
  c: Collection,
  oid: HObject,
  version: EVersion,
  cursor: CopyCursor,
  dataBytes: number,
): Promise<{ part: ObjectPart; data: Uint8Array[] }> {
  const size = store.stat(c, oid)?.size ?? 0;
  const first = cursor.data === 0 && !cursor.dataDone && cursor.omapAfter === undefined;
  const info = first ? store.getattr(c, oid, INFO_ATTR) : undefined;
  const allocHintFlags = info ? decodeObjectInfo(info).allocHintFlags : 0;
  const extents: { offset: number; length: number }[] = [];
  const data: Uint8Array[] = [];
  let { data: at, dataDone } = cursor;
  let room = dataBytes;
  if (!dataDone) {
    for (const e of store.extents(c, oid, at, size - at)) {
      const length = Math.min(e.length, room);
      if (length === 0) break;
      const bytes = await store.read(c, oid, e.offset, length);
      extents.push({ offset: e.offset, length: bytes.length });
      data.push(bytes);
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
  return { part, data };
}

/**
 * The store operations of a part. The first one removes what was there; the object has its attributes, and with them a
 * version, only after the last.
 */
export function applyPart(c: Collection, part: ObjectPart, data: Buffer): StoreOp[] {
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
    ops.push({ op: 'write', c, oid, offset: e.offset, data: data.subarray(at, at + e.length) });
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
): Promise<{ part: ObjectPart | undefined; data: Uint8Array[] }> {
  try {
    const lacked = state.missing.get(oidKey(oid));
    const version =
      lacked && sameVersion(lacked.need, need)
        ? undefined
        : storedVersion(host.store, state.c, oid);
    if (!version || !sameVersion(version, need)) return { part: undefined, data: [] };
    const { chunkBytes } = host.recoveryOrders(state.pgid.pool);
    return await readPart(host.store, state.c, oid, need, cursor, chunkBytes);
  } catch (error) {
    if (!(error instanceof CephError)) throw error;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    return { part: undefined, data: [] };
  }
}
