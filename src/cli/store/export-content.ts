import { Decoder, Encoder } from '../../codec/index.ts';
import { decodeByteMap, decodeOid, encodeByteMap, encodeOid } from '../../store/index.ts';
import type { HObject } from '../../wire/index.ts';

/** Whose PG an export is. */
export interface ExportHead {
  readonly cluster: string;
  readonly osd: number;
  readonly pgid: string;
  /** Of the OSDMap that comes with it. */
  readonly epoch: number;
}

/** What an object has beside data and omap entries. */
export interface ExportedObject {
  readonly oid: HObject;
  readonly size: number;
  readonly attrs: ReadonlyMap<string, Uint8Array>;
  readonly omapHeader: Uint8Array | undefined;
}

export function encodeObject(o: ExportedObject): Buffer {
  const e = new Encoder(0n);
  encodeOid(e, o.oid);
  e.u53(o.size);
  encodeByteMap(e, o.attrs);
  e.u8(o.omapHeader ? 1 : 0);
  if (o.omapHeader) e.bytes(o.omapHeader);
  return e.finish();
}

/** @throws DecodeError */
export function decodeObject(bytes: Uint8Array): ExportedObject {
  const d = new Decoder(bytes);
  const oid = decodeOid(d);
  const size = d.u53();
  const attrs = decodeByteMap(d);
  const omapHeader = d.bool() ? d.bytes() : undefined;
  d.finish();
  return { oid, size, attrs, omapHeader };
}

export function encodeData(offset: number, data: Uint8Array): Buffer {
  const e = new Encoder(0n, 8);
  e.u53(offset);
  return Buffer.concat([e.finish(), data]);
}
export function decodeData(bytes: Uint8Array): { offset: number; data: Buffer } {
  const d = new Decoder(bytes);
  const offset = d.u53();
  return { offset, data: d.view(d.remaining) };
}

export function encodeEntries(entries: ReadonlyMap<string, Uint8Array>): Buffer {
  const e = new Encoder(0n);
  encodeByteMap(e, entries);
  return e.finish();
}
export function decodeEntries(bytes: Uint8Array): Map<string, Uint8Array> {
  return decodeByteMap(new Decoder(bytes));
}
