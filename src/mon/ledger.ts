import { assert } from '../errors/index.ts';
import type { Change } from './change.ts';
import { type ClusterMaps, numberChange } from './cluster-maps.ts';
import type { MonStore } from './mon-store.ts';

/** Full maps and incrementals kept in memory for the many peers that want the newest ones. */
const CACHED_EPOCHS = 128;

/**
 * The order of changes. A decision is taken on `head`, which has every earlier change; readers and peers see
 * `durable`, which has those that would survive a crash. Changes become durable in the order they were proposed.
 */
export class Ledger {
  head: ClusterMaps;
  durable: ClusterMaps;
  private readonly store: MonStore;
  private readonly now: () => number;
  private readonly onDurable: (before: ClusterMaps, after: ClusterMaps, change: Change) => void;
  /** Resolves when everything proposed so far is durable. */
  private last: Promise<void> = Promise.resolve();
  private readonly incrementals = new Map<number, Buffer>();

  constructor(
    store: MonStore,
    maps: ClusterMaps,
    now: () => number,
    onDurable: (before: ClusterMaps, after: ClusterMaps, change: Change) => void,
  ) {
    this.store = store;
    this.head = maps;
    this.durable = maps;
    this.now = now;
    this.onDurable = onDurable;
  }

  /**
   * Numbers a change and makes it durable. The promise rejects when the store fails; `head` then is ahead of what is
   * stored, and the monitor must stop.
   */
  propose(change: Change): Promise<void> {
    const { maps, writes, incremental } = numberChange(this.head, change, this.now());
    this.head = maps;
    if (incremental) this.remember(maps.osdmap.epoch, incremental);
    return this.write(writes, maps, change);
  }

  /** Whether everything proposed is durable. */
  get idle(): boolean {
    return this.head === this.durable;
  }

  /** Forgets OSDMap epochs below `floor`. Only when idle, so that nobody is told of an epoch that is going. */
  trim(floor: number): Promise<void> {
    assert(this.idle, 'a trim waits for the changes under way');
    const { oldestEpoch, writes } = this.store.trimWrites(this.head, floor);
    this.head = { ...this.head, oldestEpoch };
    this.durable = this.head;
    return this.write(writes, this.head, {});
  }

  /** Resolves when all changes proposed so far are durable: an answer that rests on `head` waits for it. */
  settled(): Promise<void> {
    return this.last;
  }

  /** The encoded incremental that leads to an epoch, if it is kept. */
  incremental(epoch: number): Buffer | undefined {
    return this.incrementals.get(epoch) ?? this.store.incremental(epoch);
  }

  private write(
    writes: Parameters<MonStore['commit']>[0],
    maps: ClusterMaps,
    change: Change,
  ): Promise<void> {
    const committed = this.store.commit(writes);
    const before = this.last;
    this.last = before
      .then(() => committed)
      .then(() => {
        const previous = this.durable;
        this.durable = maps;
        this.onDurable(previous, maps, change);
      });
    // `committed` may fail while an earlier one is still under way; its rejection is seen through `last`.
    committed.catch(() => {});
    return this.last;
  }

  private remember(epoch: number, incremental: Buffer): void {
    this.incrementals.set(epoch, incremental);
    this.incrementals.delete(epoch - CACHED_EPOCHS);
  }
}
