import { numberBytes } from './cluster-maps.ts';
import { KEYS } from './keys.ts';
import type { MonStore } from './mon-store.ts';

/** Ids reserved by one commit. */
const STRIDE = 10_000;
/** The first id of a cluster; those below are for daemons that name themselves. */
const FIRST = 4100;

/**
 * Names of sessions, never given twice: an OSD knows a request sent again by its client's id, so an id that came back
 * after a restart could make a new write look like one already done. A stride is durable before an id of it is given.
 */
export class GlobalIds {
  private readonly store: MonStore;
  private next: number;
  private reserved: number;
  private reserving = false;

  private constructor(store: MonStore, next: number) {
    this.store = store;
    this.next = next;
    this.reserved = next;
  }

  static async open(store: MonStore): Promise<GlobalIds> {
    const ids = new GlobalIds(store, store.counter(KEYS.globalId, FIRST));
    await ids.reserve();
    return ids;
  }

  /** An unused id; undefined when more are asked for than could be reserved so far. */
  take(): number | undefined {
    if (this.reserved - this.next < STRIDE / 2 && !this.reserving) {
      // Ids in hand bridge the time; a store that fails stops the monitor at its next change.
      this.reserve().catch(() => {});
    }
    return this.next < this.reserved ? this.next++ : undefined;
  }

  private async reserve(): Promise<void> {
    this.reserving = true;
    const to = this.reserved + STRIDE;
    try {
      await this.store.commit([{ op: 'put', key: KEYS.globalId, value: numberBytes(to) }]);
      this.reserved = to;
    } finally {
      this.reserving = false;
    }
  }
}
