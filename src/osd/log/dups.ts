import {
  byteString,
  decodeAll,
  encodeToBytes,
  s32,
  struct,
  u64,
  vec,
  versioned,
} from '../../codec/index.ts';
import { EVERSION_ZERO, EVersion } from '../../wire/index.ts';
import { logKey } from './log-entry.ts';
import type { Done } from './logged.ts';

/**
 * Requests whose log entries were trimmed together. Stored and sent as one piece: what becomes of a request sent again
 * is asked for rarely, but must be known on every member and after every start.
 */
const DupChunk = versioned(
  'PgLogDups',
  { v: 1, compat: 1 },
  {
    dups: vec(
      struct('Dup', { reqid: byteString, version: EVersion, userVersion: u64, result: s32 }),
    ),
  },
);

/** A request by its key, see `reqidKey`, and how it was answered. */
export interface Dup extends Done {
  readonly reqid: string;
}

interface Chunk {
  readonly key: string;
  /** Of the newest of its requests. */
  readonly version: bigint;
  readonly bytes: Uint8Array;
  /** Of its requests, ascending. */
  readonly hashes: Uint32Array;
}

/** The keys under which chunks are stored begin with this; no other key of a PG does. */
export const DUP_KEYS = 'd';
/** What a chunk takes beside its bytes and hashes. */
const CHUNK_BYTES = 400;

/** FNV-1a. Two requests with the same cost a look into a chunk that has only one of them. */
function hashOf(reqid: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < reqid.length; i++) h = Math.imul(h ^ reqid.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

function has(sorted: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}

/**
 * Requests remembered beyond the log, by the chunk they are in. Every member has what was trimmed, so no later history
 * lacks it. In memory a request is a hash and its part of a chunk, since an OSD remembers a hundred thousand of them and more
 * and finds one of them again about never. The role is that of pg_log_dup_t and osd_pg_log_dups_tracked (src/osd/PGLog.h,
 * 16.2).
 */
export class Dups {
  /** Oldest first. */
  private chunks: Chunk[];

  constructor(like?: Dups) {
    this.chunks = [...(like?.chunks ?? [])];
  }

  /** The same requests, for another PG. */
  copy(): Dups {
    return new Dups(this);
  }

  get size(): number {
    return this.chunks.reduce((n, c) => n + c.hashes.length, 0);
  }
  /** How many there are, and what they take in memory, about. */
  get held(): { items: number; bytes: number } {
    const bytesOf = (c: Chunk): number => c.bytes.length + c.hashes.byteLength + CHUNK_BYTES;
    return { items: this.size, bytes: this.chunks.reduce((n, c) => n + bytesOf(c), 0) };
  }
  /** For a member that has none of them, in any order. */
  get all(): Uint8Array[] {
    return this.chunks.map((c) => c.bytes);
  }
  /** As they are stored. */
  get entries(): [string, Uint8Array][] {
    return this.chunks.map((c) => [c.key, c.bytes]);
  }

  /** All of them, by chunks. */
  list(): Dup[] {
    return this.chunks.flatMap((c) => decodeAll(DupChunk, c.bytes).dups);
  }

  find(reqid: string): Done | undefined {
    if (this.chunks.length === 0) return undefined;
    const hash = hashOf(reqid);
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const { hashes, bytes } = this.chunks[i]!;
      if (!has(hashes, hash)) continue;
      const found = decodeAll(DupChunk, bytes).dups.find((d) => d.reqid === reqid);
      if (found) return found;
    }
    return undefined;
  }

  /** @param dups at least one, in the order of their versions. @returns under which key to store which bytes */
  add(dups: readonly Dup[]): [string, Uint8Array] {
    return this.load(encodeToBytes(DupChunk, { dups: [...dups] }));
  }

  /** A chunk from the store or from a peer. @returns as {@link add}. @throws DecodeError */
  load(bytes: Uint8Array): [string, Uint8Array] {
    const { dups } = decodeAll(DupChunk, bytes);
    const newest = dups[dups.length - 1]?.version ?? EVERSION_ZERO;
    const key = `${DUP_KEYS}${logKey(newest).slice(1)}`;
    const known = this.chunks.find((c) => c.key === key);
    if (!known) return this.put(key, Buffer.from(bytes), dups);
    // Two members may have cut their logs at different places, and PGs that are merged may have had equal versions.
    const others = decodeAll(DupChunk, known.bytes).dups;
    const names = new Set(dups.map((d) => d.reqid));
    const both = [...others.filter((d) => !names.has(d.reqid)), ...dups];
    this.chunks = this.chunks.filter((c) => c !== known);
    return this.put(key, encodeToBytes(DupChunk, { dups: both }), both);
  }

  private put(key: string, bytes: Uint8Array, dups: readonly Dup[]): [string, Uint8Array] {
    const { version } = dups[dups.length - 1]?.version ?? EVERSION_ZERO;
    const hashes = Uint32Array.from(dups, (d) => hashOf(d.reqid)).sort();
    this.chunks.push({ key, version, bytes, hashes });
    this.chunks.sort((a, b) => (a.version < b.version ? -1 : 1));
    return [key, bytes];
  }

  /** Forgets chunks with nothing above `version`. @returns their keys */
  forget(version: bigint): string[] {
    const keys: string[] = [];
    while (this.chunks.length > 0 && this.chunks[0]!.version <= version) {
      keys.push(this.chunks.shift()!.key);
    }
    return keys;
  }
}
