import { Decoder, textOf } from '../codec/index.ts';
import { msOfUtime, OSD_OP, UTime } from '../wire/index.ts';
import {
  coded,
  EMPTY,
  extent,
  keySet,
  type Name,
  nameBytes,
  type OpStep,
  step,
  xattr,
} from './op-step.ts';
import { Operation } from './operation.ts';

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
