import {
  bool,
  byteString,
  bytes,
  map,
  opt,
  struct,
  u32,
  u53,
  type ValueOf,
} from '../../codec/index.ts';
import { CephError } from '../../errors/index.ts';
import type { Collection, ObjectStore } from '../../store/index.ts';
import { compareHObject, HObject } from '../../wire/index.ts';

// What one member has of a stretch of a PG. Source of the idea: ScrubMap, src/osd/osd_types.h, release 16.2.

/** One object as one member's store has it. */
export const ScrubbedObject = struct('ScrubbedObject', {
  oid: HObject,
  size: u53,
  attrs: map(byteString, bytes),
  /** Of a deep scrub, unless it could not read: crc32c(0xffffffff) of all data, and of {@link omapDigest}. */
  dataDigest: opt(u32),
  omapDigest: opt(u32),
  omapKeys: u53,
  omapBytes: u53,
  /** Data or omap do not pass their checksums. */
  readError: bool,
  /** Not even its record does; nothing else is known. */
  statError: bool,
});
export type ScrubbedObject = ValueOf<typeof ScrubbedObject>;

/** What all checksums of a scrub begin with. */
const SEED = 0xffff_ffff;

/** What a scan needs. */
export interface ScanHost {
  readonly store: ObjectStore;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Lets others have the thread for a moment. */
  pause(): Promise<void>;
  /** Somebody still waits for what is seen. Asked after each pause. */
  readonly isWanted: boolean;
}

/** How a scan looks at objects. */
export interface ScanDepth {
  /** Also at data and omap. */
  readonly deep: boolean;
  /** osd_deep_scrub_stride: bytes read at a time. */
  readonly strideBytes: number;
  /** osd_deep_scrub_keys: omap entries read at a time, unless they are large. */
  readonly strideKeys: number;
}

/** What a scan has seen: all objects below `to`. */
export interface Scanned {
  readonly objects: readonly ScrubbedObject[];
  /** The end of the range, or earlier where there are more objects than were asked for. */
  readonly to: HObject;
}

/** A stretch of a PG: from <= object < to. */
export interface ScrubRange {
  readonly from: HObject;
  readonly to: HObject;
}

export function isInRange(oid: HObject, { from, to }: ScrubRange): boolean {
  return compareHObject(oid, from) >= 0 && compareHObject(oid, to) < 0;
}

/** Objects listed at a time. */
const PAGE = 256;
/** Objects looked at without a pause, if none is read. */
const GLANCES = 32;

/** Nobody waits for a scan any more. */
class Unwanted extends Error {}

/**
 * The first objects of a range as the store has them, in their order. The caller sees to it that nobody writes there
 * meanwhile; an object that is removed all the same may be in it or not.
 * @param most so many objects at most
 * @returns undefined when it is not wanted any more
 */
export async function scanRange(
  host: ScanHost,
  c: Collection,
  range: ScrubRange,
  depth: ScanDepth,
  most: number,
): Promise<Scanned | undefined> {
  const objects: ScrubbedObject[] = [];
  let from: HObject | undefined = range.from;
  try {
    while (from) {
      const page: ReturnType<ObjectStore['list']> = host.store.list(c, from, PAGE);
      for (const oid of page.objects) {
        if (compareHObject(oid, range.to) >= 0) return { objects, to: range.to };
        if (oid.pool !== range.from.pool) continue;
        if (objects.length >= most) return { objects, to: oid };
        const object = await scanObject(host, c, oid, depth);
        if (object) objects.push(object);
        if (objects.length % GLANCES === 0) await rest(host);
      }
      from = page.next;
    }
    return { objects, to: range.to };
  } catch (error) {
    if (error instanceof Unwanted) return undefined;
    throw error;
  }
}

async function rest(host: ScanHost): Promise<void> {
  await host.pause();
  if (!host.isWanted) throw new Unwanted();
}

async function scanObject(
  host: ScanHost,
  c: Collection,
  oid: HObject,
  depth: ScanDepth,
): Promise<ScrubbedObject | undefined> {
  const none = { oid, size: 0, attrs: new Map(), omapKeys: 0, omapBytes: 0 };
  const undigested = { dataDigest: undefined, omapDigest: undefined };
  const errors = { readError: false, statError: false };
  try {
    const size = host.store.stat(c, oid)?.size;
    if (size === undefined) return undefined;
    const attrs = host.store.getattrs(c, oid);
    const seen = { ...none, ...undigested, ...errors, size, attrs };
    if (!depth.deep) return seen;
    try {
      const dataDigest = await digestOfData(host, c, oid, size, depth.strideBytes);
      const omap = await digestOfOmap(host, c, oid, depth.strideKeys);
      return {
        ...seen,
        dataDigest,
        omapDigest: omap.digest,
        omapKeys: omap.keys,
        omapBytes: omap.bytes,
      };
    } catch (error) {
      return { ...seen, readError: isDamage(error) };
    }
  } catch (error) {
    return { ...none, ...undigested, readError: false, statError: isDamage(error) };
  }
}

/** What the store says of bytes that are not what was written; anything else is not ours to handle. */
function isDamage(error: unknown): true {
  if (error instanceof CephError) return true;
  throw error;
}

async function digestOfData(
  host: ScanHost,
  c: Collection,
  oid: HObject,
  size: number,
  stride: number,
): Promise<number> {
  let digest = SEED;
  for (let at = 0; at < size; at += stride) {
    const got = host.store.read(c, oid, at, Math.min(stride, size - at));
    digest = host.crc32c(digest, got instanceof Promise ? await got : got);
    if (at + stride < size) await rest(host);
  }
  return digest;
}

/** Header, then each key and value with their lengths, as ReplicatedBackend::be_deep_scrub of 16.2 sums them up. */
async function digestOfOmap(
  host: ScanHost,
  c: Collection,
  oid: HObject,
  stride: number,
): Promise<{ digest: number; keys: number; bytes: number }> {
  const { store, crc32c } = host;
  const header = store.omapHeader(c, oid);
  let digest = header ? crc32c(SEED, header) : SEED;
  let keys = 0;
  let size = 0;
  let at: { from: string } | { after: string } = { from: '' };
  let limit = Math.min(stride, FIRST_KEYS);
  for (;;) {
    const page = store.omapList(c, oid, { ...at, limit });
    for (const [key, value] of page.entries) {
      digest = crc32c(digest, lengthPrefixed(Buffer.from(key, 'latin1')));
      digest = crc32c(digest, lengthPrefixed(value));
      keys++;
      size += value.length;
    }
    const last = page.entries.at(-1);
    if (!page.more || !last) return { digest, keys, bytes: size };
    at = { after: last[0] };
    limit = pageAfter(page.entries, limit, stride);
    await rest(host);
  }
}

/** So many entries of an omap are read at first, and so many bytes of it at a time, as far as one can tell. */
const FIRST_KEYS = 16;
const PAGE_BYTES = 4 * 2 ** 20;

/** How many entries to read after those: more while they are small. */
function pageAfter(
  entries: readonly (readonly [string, Uint8Array])[],
  limit: number,
  most: number,
): number {
  const bytes = entries.reduce((n, [key, value]) => n + key.length + value.length, 0);
  const fitting = Math.floor((PAGE_BYTES * entries.length) / Math.max(1, bytes));
  return Math.max(1, Math.min(most, 2 * limit, fitting));
}

function lengthPrefixed(value: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(4 + value.length);
  out.writeUInt32LE(value.length, 0);
  out.set(value, 4);
  return out;
}
