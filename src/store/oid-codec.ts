import type { Decoder, Encoder } from '../codec/index.ts';
import { type HObject, INT64_MIN } from '../wire/index.ts';

/** An object's name and place; whether it is the end of everything is not said. */
export function encodeOid(o: Encoder, v: HObject): void {
  o.byteString(v.key);
  o.byteString(v.name);
  o.byteString(v.namespace);
  o.u64(v.snap);
  o.u32(v.hash);
  o.s64(BigInt(v.pool));
}

/**
 * What {@link encodeOid} wrote.
 * @param readMax reads what was written behind it, if anything
 * @throws DecodeError
 */
export function decodeOid(d: Decoder, readMax: (d: Decoder) => boolean = notMax): HObject {
  const key = d.byteString();
  const name = d.byteString();
  const namespace = d.byteString();
  const snap = d.u64();
  const hash = d.u32();
  const pool = Number(d.s64());
  if (!Number.isSafeInteger(pool) && pool !== INT64_MIN) d.fail(`pool ${pool}`);
  return { key, name, snap, hash, max: readMax(d), namespace, pool };
}

function notMax(): boolean {
  return false;
}
