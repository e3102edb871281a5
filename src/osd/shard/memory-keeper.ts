import type { BufferPool, Clock, ProcessMemory, Timer } from '../../runtime/index.ts';
import type { HeldMemory, ObjectStore } from '../../store/index.ts';
import { cachesMax, type MemoryShares, shareCaches, tuneCaches } from './memory-budget.ts';
import { type Mempools, sumOf } from './mempools.ts';

const TICK_MS = 5000;
/** When giving back has brought less than this, it is tried again later and later. */
const WORTH_BYTES = 8 * 2 ** 20;
const PATIENCE_MAX = 60;
/** What a log entry, and what is known of an idle object, take as long as there are none to look at. */
const ENTRY_BYTES = 700;
const CONTEXT_BYTES = 1000;

interface Parts {
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly pool: BufferPool;
  /** The process that this shard is part of. Absent: it is not ours alone, so caches just keep to their shares. */
  readonly memory: ProcessMemory | undefined;
  readonly shards: number;
  /** What the logs of all PGs hold: entries, and requests of entries that are gone. */
  logs(): { readonly entries: HeldMemory; readonly dups: HeldMemory };
  /** What is known of idle objects. */
  contexts(): number;
}

/**
 * The one owner of a shard's memory: gives each cache its share of osd_memory_target, takes some of it away while the
 * process has more than that, and gives back to the system what can be given. Not before: a full collection and pages that have
 * to be found again every few seconds took 15 % of the CPU of small writes (docs/benchmarks.md).
 */
export class MemoryKeeper {
  private readonly o: Parts;
  private targetBytes = 0;
  private cachesBytes = 0;
  private shares: MemoryShares = shareCaches(0, 0, 1);
  private entryBytes = ENTRY_BYTES;
  private dupBytes = 0;
  private timer: Timer | undefined;
  /** Ticks until something is given back again, and how many the next wait has. */
  private pause = 0;
  private patience = 1;

  constructor(parts: Parts, targetBytes: number) {
    this.o = parts;
    this.setTarget(targetBytes);
    this.arm();
  }

  /** osd_memory_target has changed. */
  setTarget(bytes: number): void {
    if (bytes === this.targetBytes) return;
    this.targetBytes = bytes;
    this.patience = 1;
    this.share(cachesMax(bytes));
  }

  /** Log entries that all PGs may keep together. */
  get logEntries(): number {
    return Math.floor(Math.max(0, this.shares.logs - this.dupBytes) / this.entryBytes);
  }
  /** Idle objects of which all PGs may keep what they know, together. */
  get contexts(): number {
    return Math.floor(this.shares.contexts / CONTEXT_BYTES);
  }

  /** What this shard holds, by Ceph's names. */
  mempools(): Mempools {
    const { store, pool, logs, contexts } = this.o;
    const known = contexts();
    return {
      ...store.memory?.(),
      buffer_anon: pool.held,
      osd: { items: known, bytes: known * CONTEXT_BYTES },
      osd_pglog: sumOf(Object.values(logs())),
    };
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private arm(): void {
    this.timer = this.o.clock.setTimer(TICK_MS, () => {
      this.arm();
      this.tick();
    });
  }

  private tick(): void {
    const { memory, logs, pool, clock } = this.o;
    // The messenger does so too, where there is one.
    pool.age(clock.monotonicMs());
    const { entries, dups } = logs();
    if (entries.items > 0) this.entryBytes = Math.ceil(entries.bytes / entries.items);
    this.dupBytes = dups.bytes;
    if (!memory) return;
    const resident = memory.residentBytes();
    this.share(tuneCaches(this.cachesBytes, resident, this.targetBytes));
    if (resident <= this.targetBytes) return;
    pool.trim();
    this.giveBack(memory, resident);
  }

  private share(cachesBytes: number): void {
    this.cachesBytes = cachesBytes;
    this.shares = shareCaches(cachesBytes, this.targetBytes, this.o.shards);
    this.o.store.setCacheBytes?.(this.shares.onodes);
    this.o.pool.keepAtMost(this.shares.buffers);
  }

  private giveBack(memory: ProcessMemory, before: number): void {
    if (this.pause-- > 0) return;
    this.o.store.dropPages?.();
    if (memory.residentBytes() > this.targetBytes) memory.collect();
    const isWorth = before - memory.residentBytes() >= WORTH_BYTES;
    this.patience = isWorth ? 1 : Math.min(PATIENCE_MAX, 2 * this.patience);
    this.pause = this.patience - 1;
  }
}
