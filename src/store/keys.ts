import { Decoder, Encoder } from '../codec/index.ts';
import type { HObject } from '../wire/index.ts';
import {
  be32,
  be53,
  objectName,
  parseObjectName,
  readBe32,
  readBe53,
  readPool,
} from './object-key.ts';
import { isPgBounds } from './pg-bounds.ts';
import { PG_SPACE, type Place, pgPlace, plainPlace, spaceKey } from './place.ts';

/*
 * What stands under which key of the key/value store. Numbers are big-endian: 4 bytes for spaces and chunks, 8 for the
 * numbers given out by Figures.nextId.
 *
 *   Sformat Sfsid Ssize Sstart Sstripe   text, written once
 *   Sfigures              Figures
 *   C collection          its place: a space of its own, or the bounds of a PG
 *   O space, object       Onode
 *   M omap's number, key  a value of an omap
 *   D patch's number, O.. bytes of a patch
 *   B chunk               which of 4096 units are taken
 *   P pool                what compression does for it
 *   R chunk               how many refer to each of 256 units beside the first
 *   G omap's number       nothing: the omap is gone, and its entries are to be deleted
 */
export const FORMAT_KEY = 'Sformat';
export const FSID_KEY = 'Sfsid';
export const SIZE_KEY = 'Ssize';
/** Only of a store that has a part of a device: where that begins. */
export const START_KEY = 'Sstart';
export const STRIPE_KEY = 'Sstripe';
export const FIGURES_KEY = 'Sfigures';

export function collectionKey(name: string): string {
  return `C${name}`;
}

/** What stands under a collection's key. */
export function encodePlace({ space, bounds }: Place): Buffer {
  const o = new Encoder();
  o.u32(space);
  if (bounds) {
    o.u53(bounds.pool);
    o.u32(bounds.seed);
    o.u8(bounds.bits);
  }
  return o.finish();
}
/** @throws DecodeError */
export function decodePlace(bytes: Uint8Array): Place {
  const d = new Decoder(bytes);
  const space = d.u32();
  let place = plainPlace(space);
  if (space === PG_SPACE) {
    const bounds = { pool: d.u53(), seed: d.u32(), bits: d.u8() };
    if (!isPgBounds(bounds)) d.fail(`PG ${bounds.pool}.${bounds.seed} of ${bounds.bits} bits`);
    place = pgPlace(bounds);
  }
  d.finish();
  return place;
}

export function objectKey(space: number, oid: HObject): string {
  return spaceKey(space) + objectName(oid);
}
/** @throws DecodeError */
export function parseObjectKey(key: string): { space: number; oid: HObject } {
  return { space: readBe32(key, 1), oid: parseObjectName(key.slice(5)) };
}

export function omapKey(id: number, name: string): string {
  return `M${be53(id)}${name}`;
}
export function parseOmapKey(key: string): { id: number; name: string } {
  return { id: readBe53(key, 1), name: key.slice(9) };
}

/** An object's key comes last, so that patches are found without their objects. */
export function patchKey(id: number, object: string): string {
  return `D${be53(id)}${object}`;
}
export function parsePatchKey(key: string): { id: number; object: string } {
  return { id: readBe53(key, 1), object: key.slice(9) };
}

export function bitmapKey(chunk: number): string {
  return `B${be32(chunk)}`;
}
export function sharedKey(chunk: number): string {
  return `R${be32(chunk)}`;
}
/** The chunk of a bitmap's or a shared units' key. */
export function chunkOf(key: string): number {
  return readBe32(key, 1);
}

export function garbageKey(id: number): string {
  return `G${be53(id)}`;
}
export function garbageId(key: string): number {
  return readBe53(key, 1);
}

/** @param pool its part of an object's key, eight bytes */
export function compressedKey(pool: string): string {
  return `P${pool}`;
}
/** The pool's number. */
export function poolOfCompressed(key: string): number {
  return readPool(key, 1);
}
