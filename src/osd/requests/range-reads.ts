import { OSD_OP, type OSDOp, readExtent, SNAP_HEAD } from '../../wire/index.ts';

/*
 * Which reads of an object that is not here are done by a holder rather than after its import. What an import costs goes
 * with the object's size, what such a read costs with what it reads: a round trip either way, and for the import the
 * object's bytes on the network and durable here. So a small range of a large object is read where it lies; all else is
 * read here, once the object is. The asker does not know the object's size, so it looks at the request and at the PG's
 * mean, and the holder has the last word.
 */

/** An object from this size on is large. */
const LARGE_BYTES = 65_536;
/** Nobody reads more for somebody else at once. */
const RANGE_BYTES_MAX = 2 ** 20;
/** How many times what is read an object must be. */
const TIMES_LEAST = 8;

/** Bytes of its object that a request reads, if it does nothing else and they are bounded; undefined for all others. */
export function bytesRead({ ops, snapid }: OSDOp): number | undefined {
  if (snapid !== SNAP_HEAD) return undefined;
  let bytes = 0;
  for (const op of ops) {
    if (op.payloadLength > 0) return undefined;
    switch (op.code) {
      case OSD_OP.READ:
      case OSD_OP.SYNC_READ:
      case OSD_OP.SPARSE_READ: {
        const { length } = readExtent(op);
        // The whole object.
        if (length === 0) return undefined;
        bytes += length;
        break;
      }
      case OSD_OP.STAT:
        break;
      default:
        return undefined;
    }
  }
  return bytes;
}

/** Is a holder asked to do such a read, in a PG of so many objects and bytes? */
export function isWorthAsking(bytes: number, pg: { objects: number; bytes: number }): boolean {
  return bytes <= RANGE_BYTES_MAX && pg.bytes >= LARGE_BYTES * pg.objects;
}

/** Does a holder do it, rather than that the object is imported first? */
export function isSooner(bytes: number, size: number): boolean {
  return bytes <= RANGE_BYTES_MAX && size >= LARGE_BYTES && size >= TIMES_LEAST * bytes;
}
