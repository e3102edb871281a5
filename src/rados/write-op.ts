import { byteString, bytes as bytesCodec, type Codec, map } from '../codec/index.ts';
import { type AckLevel, argsBytes, noArgs, OSD_OP, OSD_OP_FLAG } from '../wire/index.ts';
import type { CallOptions } from './abort.ts';
import {
  coded,
  type Data,
  dataBytes,
  EMPTY,
  extent,
  keySet,
  type Name,
  NOTHING,
  nameBytes,
  step,
  xattr,
} from './op-step.ts';
import { Operation } from './operation.ts';

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

/** Keys with their values. */
export type Entries = ReadonlyMap<Name, Data> | Readonly<Record<string, Data>>;

const keyValues: Codec<Map<string, Uint8Array>> = map(byteString, bytesCodec);

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

function entriesOf(entries: Entries): Map<string, Uint8Array> {
  const list = entries instanceof Map ? entries : Object.entries(entries);
  return new Map([...list].map(([k, v]) => [nameBytes(k), dataBytes(v)]));
}
