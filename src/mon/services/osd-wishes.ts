import type { OSDMap, PgKey } from '../../maps/index.ts';
import { formatPgId, type MessageOf, type MOSDAlive, type MOSDPGTemp } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';

/**
 * What OSDs ask of the next epoch: that it shows how long they were alive, before they serve what they are primary of;
 * and that it forgets members that were put in the place of others for a while. Gathered, so that all OSDs that a change
 * concerns cost one epoch. Source: OSDMonitor::prepare_alive and prepare_pgtemp, src/mon/OSDMonitor.cc, 16.2.
 */
export class OsdWishes {
  private readonly alive = new Map<number, number>();
  private readonly served = new Set<PgKey>();

  /** @returns whether there is anything to be done */
  upThru(osdmap: OSDMap, osd: number, { paxos, want }: MessageOf<typeof MOSDAlive>): boolean {
    const have = Number(paxos.version);
    if (!osdmap.isUp(osd) || upThruOf(osdmap, osd) >= want || have < want) return false;
    // Nobody can vouch for an epoch that is yet to come.
    this.alive.set(osd, Math.min(have, osdmap.epoch));
    return true;
  }

  /** Nobody else may put others in its place, nor speak for what it is not the acting primary of. */
  noTemp(osdmap: OSDMap, osd: number, { pgTemp }: MessageOf<typeof MOSDPGTemp>): boolean {
    const ended = pgTemp.filter(({ osds }) => osds.length === 0).map(({ pgid }) => pgid);
    const mine = ended.filter(
      (pgid) =>
        osdmap.pool(pgid.pool) &&
        hasTemp(osdmap, formatPgId(pgid)) &&
        osdmap.pgToUpActing(pgid).actingPrimary === osd,
    );
    for (const pgid of mine) this.served.add(formatPgId(pgid));
    return mine.length > 0;
  }

  /** All of it as one change; undefined when earlier ones have done it. */
  take(osdmap: OSDMap): OsdMapPatch | undefined {
    const upThru = [...this.alive].filter(
      ([osd, epoch]) => osdmap.isUp(osd) && upThruOf(osdmap, osd) < epoch,
    );
    const served = [...this.served].filter((pg) => hasTemp(osdmap, pg));
    this.alive.clear();
    this.served.clear();
    if (upThru.length + served.length === 0) return undefined;
    const newPgTemp = new Map(served.map((pg): [PgKey, number[]] => [pg, []]));
    return { newUpThru: new Map(upThru), newPgTemp };
  }
}

function upThruOf(osdmap: OSDMap, osd: number): number {
  return osdmap.data.osdInfo.at(osd)?.upThru ?? 0;
}

function hasTemp({ data }: OSDMap, pg: PgKey): boolean {
  return data.pgTemp.has(pg);
}
