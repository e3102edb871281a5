import { CephError } from '../errors/index.ts';
import type { Compressor } from '../runtime/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import { BLOB_BYTES_MAX, blocksOf, type CompressedBlob } from './compressed-blob.ts';
import {
  algorithmNamed,
  algorithmNumber,
  type CompressionAlgorithm,
  type CompressionPolicy,
  wantsCompression,
} from './compression-policy.ts';
import { poolKey } from './object-key.ts';
import type { Onode } from './onode.ts';

/** Finds a compressor by name; undefined when this platform has none. Called when one is needed, so it may load it. */
export type FindCompressor = (name: CompressionAlgorithm) => Compressor | undefined;

/** Some bytes of an object and what they are compressed. */
export interface Packed {
  readonly algorithm: number;
  readonly bytes: Uint8Array;
}

/** How objects of a pool are compressed, with sizes in whole blocks. */
interface Rule extends CompressionPolicy {
  readonly compressor: Compressor;
  readonly number: number;
}

/**
 * Decides what is compressed, does it and undoes it: while a transaction is applied, and while a read is answered. That
 * takes the thread for 0.1 to 0.3 ms per blob; a turn through the thread pool and back costs a third of that, and reads
 * would have to wait until the store knows where what they want is going to be.
 */
export class Compression {
  private readonly find: FindCompressor;
  /** By the pool's part of an object's key. */
  private readonly rules = new Map<string, Rule>();
  /** Content never changes, so what it was unpacked to stays right. Readers of small parts come back for the next one. */
  private last: { blob: CompressedBlob; bytes: Uint8Array } | undefined;

  constructor(find: FindCompressor = () => undefined) {
    this.find = find;
  }

  /** @returns false when there is no such compressor here: data stays as it is */
  set(pool: number, policy: CompressionPolicy | undefined): boolean {
    const key = poolKey(pool);
    this.rules.delete(key);
    if (!policy || policy.mode === 'none') return true;
    const compressor = this.find(policy.algorithm);
    if (!compressor) return false;
    const wholeBlocks = Math.floor(policy.maxBlobBytes / BLOCK_BYTES) * BLOCK_BYTES;
    // One block can never become fewer.
    const maxBlobBytes = Math.max(2 * BLOCK_BYTES, Math.min(BLOB_BYTES_MAX, wholeBlocks));
    const minBlobBytes = Math.min(maxBlobBytes, Math.max(BLOCK_BYTES + 1, policy.minBlobBytes));
    const number = algorithmNumber(policy.algorithm);
    this.rules.set(key, { ...policy, maxBlobBytes, minBlobBytes, compressor, number });
    return true;
  }

  /** How an object's data is to be compressed; undefined if it is not. */
  ruleFor(n: Onode): Rule | undefined {
    if (this.rules.size === 0) return undefined;
    const rule = this.rules.get(poolOf(n.key));
    return rule && wantsCompression(rule.mode, n.hints) ? rule : undefined;
  }

  /** Undefined when it does not save enough whole units. Source: BlueStore::_do_alloc_write, release 16.2. */
  pack(rule: Rule, data: Uint8Array): Packed | undefined {
    if (data.length < rule.minBlobBytes) return undefined;
    const bytes = rule.compressor.compress(data);
    const units = blocksOf(bytes.length);
    const wanted = blocksOf(data.length * rule.requiredRatio);
    if (units > wanted || units >= blocksOf(data.length)) return undefined;
    return { algorithm: rule.number, bytes };
  }

  /**
   * What a blob stands for.
   * @param bytes checked ones, with what fills the last unit @throws CephError EIO
   */
  unpack(blob: CompressedBlob, bytes: Uint8Array): Uint8Array {
    const name = algorithmNamed(blob.algorithm);
    const compressor = name && this.find(name);
    if (!compressor) {
      throw new CephError('EIO', `no compressor ${name ?? blob.algorithm} to read with`);
    }
    let out: Uint8Array;
    try {
      out = compressor.decompress(bytes.subarray(0, blob.bytes), blob.originalBytes);
    } catch (cause) {
      throw new CephError('EIO', `data compressed by ${name} is damaged`, { cause });
    }
    this.last = { blob, bytes: out };
    return out;
  }

  /** What was unpacked last, if it was this. */
  unpacked(blob: CompressedBlob): Uint8Array | undefined {
    return this.last?.blob === blob ? this.last.bytes : undefined;
  }
}

export type { Rule as CompressionRule };

/** The part of an object's key that names its pool: eight bytes. */
export function poolOf(key: string): string {
  return key.slice(5, 13);
}
