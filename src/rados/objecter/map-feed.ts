import type { CephError } from '../../errors/index.ts';
import { decodeIncremental, OSDMap } from '../../maps/index.ts';
import type { Runtime } from '../../runtime/index.ts';
import type { MessageOf, MOSDMap } from '../../wire/index.ts';
import { type CallOptions, Pending } from '../abort.ts';
import type { MonClient } from '../mon-client.ts';
import type { RequestKind } from './request.ts';

/** CEPH_OSDMAP_FULL, PAUSERD, PAUSEWR. */
const MAP_FULL = 1 << 1;
const MAP_PAUSERD = 1 << 2;
const MAP_PAUSEWR = 1 << 3;
const HOLDS: Record<RequestKind, number> = {
  read: MAP_PAUSERD,
  write: MAP_PAUSEWR | MAP_FULL,
  list: MAP_PAUSERD,
};

/** Told of every epoch by itself. @param isGap epochs before it are unknown: anything may have happened in them */
export type OnEpoch = (map: OSDMap, isGap: boolean) => void;

/** The newest OSD map that this client has, those who wait for a newer one, and what is asked of the monitor for them. */
export class MapFeed {
  private readonly runtime: Runtime;
  private readonly mon: MonClient;
  private readonly waiters = new Set<{ epoch: number; pending: Pending<void> }>();
  private newest: OSDMap | undefined;

  constructor(runtime: Runtime, mon: MonClient) {
    this.runtime = runtime;
    this.mon = mon;
  }

  get map(): OSDMap | undefined {
    return this.newest;
  }

  /** 0 before the first map. */
  get epoch(): number {
    return this.newest?.epoch ?? 0;
  }

  /** Takes what is new. @returns whether anything was */
  receive(m: MessageOf<typeof MOSDMap>, onEpoch: OnEpoch): boolean {
    const { crc32c } = this.runtime;
    const before = this.newest;
    for (const [epoch, bytes] of m.maps) {
      if (epoch <= this.epoch) continue;
      const isGap = this.newest !== undefined && epoch > this.epoch + 1;
      this.newest = OSDMap.decode(bytes, crc32c);
      onEpoch(this.newest, isGap);
    }
    for (const [epoch, bytes] of m.incrementals) {
      if (!this.newest || epoch !== this.epoch + 1) continue;
      this.newest = this.newest.applyIncremental(decodeIncremental(bytes, crc32c));
      onEpoch(this.newest, false);
    }
    if (!this.newest) {
      this.mon.subscribeOsdMap(0, false);
      return false;
    }
    this.mon.gotOsdMap(this.epoch);
    this.wake();
    // The monitor was asked for one answer. What came may be older than what is waited for: from an OSD, or from a
    // monitor that is behind the one that named the epoch.
    if (m.newestMap > this.epoch || this.waiters.size > 0) this.needNewer();
    return this.newest !== before;
  }

  /** Whether the map lets no request of this kind through. */
  holds(kind: RequestKind): boolean {
    return ((this.newest?.data.flags ?? 0) & HOLDS[kind]) !== 0;
  }

  /** Asks for the maps after ours, unless ours is as new as `atLeast`. */
  needNewer(atLeast = this.epoch + 1): void {
    if (atLeast <= this.epoch) return;
    // While the map pauses or blocks, every change of it matters; otherwise one newer map is enough.
    const follow = this.holds('read') || this.holds('write');
    this.mon.subscribeOsdMap(this.newest ? this.epoch + 1 : 0, follow);
  }

  /** Resolves when our map is at least of this epoch. */
  async waitFor(epoch: number, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    if (this.epoch >= epoch) return;
    const waiter: { epoch: number; pending: Pending<void> } = {
      epoch,
      pending: new Pending<void>(this.runtime.clock, options, 'map', () =>
        this.waiters.delete(waiter),
      ),
    };
    this.waiters.add(waiter);
    this.needNewer(epoch);
    return waiter.pending.promise;
  }

  close(gone: CephError): void {
    for (const w of this.waiters) w.pending.reject(gone);
    this.waiters.clear();
  }

  private wake(): void {
    for (const w of [...this.waiters]) {
      if (this.epoch < w.epoch) continue;
      this.waiters.delete(w);
      w.pending.resolve();
    }
  }
}
