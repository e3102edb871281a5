import { encodeToBytes } from '../codec/index.ts';
import { MonMap } from '../maps/index.ts';
import { MMonMap, MOSDMap, type Outgoing, outgoing } from '../wire/index.ts';
import type { Ledger } from './ledger.ts';
import type { MonStore } from './mon-store.ts';

/** Epochs in one MOSDMap. Source: osd_map_message_max, release 16.2. */
const EPOCHS_MAX = 40;

/** Builds the messages that bring peers up to the newest durable maps (fact sheet §4.2). */
export class MapsFeed {
  private readonly ledger: Ledger;
  private readonly store: MonStore;

  constructor(ledger: Ledger, store: MonStore) {
    this.ledger = ledger;
    this.store = store;
  }

  monMap(): Outgoing {
    return outgoing(MMonMap, { monmap: encodeToBytes(MonMap, this.ledger.durable.monmap) });
  }

  /**
   * What a peer lacks that has the OSD maps before `start`. 0: only the newest map counts. From before the oldest kept
   * epoch on, the history starts with a full map.
   */
  osdMaps(start: number): Outgoing[] {
    const { osdmap, oldestEpoch } = this.ledger.durable;
    if (start > osdmap.epoch) return [];
    if (start === 0) return [this.message([], [osdmap.epoch])];
    const out: Outgoing[] = [];
    let next = start;
    if (next <= oldestEpoch) {
      out.push(this.message([], [oldestEpoch]));
      next = oldestEpoch + 1;
    }
    for (; next <= osdmap.epoch; next += EPOCHS_MAX) {
      const count = Math.min(EPOCHS_MAX, osdmap.epoch - next + 1);
      out.push(
        this.message(
          Array.from({ length: count }, (_, i) => next + i),
          [],
        ),
      );
    }
    return out;
  }

  private message(incrementals: readonly number[], fulls: readonly number[]): Outgoing {
    const { osdmap, oldestEpoch } = this.ledger.durable;
    const need = (epoch: number, bytes: Buffer | undefined): [number, Buffer] => {
      if (!bytes) throw new Error(`invariant broken: OSDMap epoch ${epoch} is not stored`);
      return [epoch, bytes];
    };
    return outgoing(MOSDMap, {
      fsid: osdmap.fsid,
      incrementals: incrementals.map((e) => need(e, this.ledger.incremental(e))),
      maps: fulls.map((e) => need(e, this.store.fullMap(e))),
      oldestMap: oldestEpoch,
      newestMap: osdmap.epoch,
      gapRemovedSnaps: new Map(),
    });
  }
}
