import type { OSDMap } from '../maps/index.ts';
import { formatPgId, type PgStat, pgState } from '../wire/index.ts';
import type { MonState, ProgressEvent } from './state.ts';
import { allPgs } from './views/pg-view.ts';

// Events, texts and rhythm: pybind/mgr/progress/module.py, release 16.2.15.

interface Running {
  readonly event: ProgressEvent;
  /** The PGs that are to become clean since this epoch; undefined: all. */
  readonly pgs: ReadonlySet<string> | undefined;
  readonly since: number;
}

const COMPLETED_MAX = 50;
const ACTIVE_CLEAN = pgState('active', 'clean');

/** The manager's record of what is going on; it forgets at a restart. Decisions are made on the states it is given. */
export class Progress {
  private readonly newId: () => string;
  private running: Running[] = [];
  private done: ProgressEvent[] = [];
  private last: OSDMap | undefined;
  private lastMs = Number.NEGATIVE_INFINITY;

  /** @param newId names an event */
  constructor(newId: () => string) {
    this.newId = newId;
  }

  /** The newest last. */
  get events(): readonly ProgressEvent[] {
    return this.running.map((r) => r.event);
  }
  get completed(): readonly ProgressEvent[] {
    return this.done;
  }

  clear(): void {
    this.running = [];
    this.done = [];
  }

  /** Called once a second; looks at what has changed every mgr/progress/sleep_interval. */
  tick(state: MonState): void {
    const intervalMs = 1000 * Number(state.option('mgr/progress/sleep_interval'));
    if (state.nowMs - this.lastMs < intervalMs) return;
    this.lastMs = state.nowMs;
    const before = this.last;
    this.last = state.osdmap;
    if (state.option('mgr/progress/enabled') !== true) return this.clear();
    if (before && before !== state.osdmap) this.begin(state, before);
    this.update(state);
  }

  /** OSDs that came in or went out, when that moves PGs. */
  private begin(state: MonState, before: OSDMap): void {
    const { osdmap } = state;
    for (const osd of osdmap.osds()) {
      if (!before.exists(osd)) continue;
      const [was, is] = [before.isIn(osd), osdmap.isIn(osd)];
      if (was === is) continue;
      const pgs = movedPgs(is ? osdmap : before, is ? before : osdmap, osd);
      if (pgs.size === 0) continue;
      const message = `Rebalancing after osd.${osd} marked ${is ? 'in' : 'out'}`;
      this.start(state, message, [['osd', String(osd)]], pgs);
    }
  }

  private start(
    state: MonState,
    message: string,
    refs: ProgressEvent['refs'],
    pgs: ReadonlySet<string> | undefined,
  ): void {
    const event = { id: this.newId(), message, refs, startedMs: state.nowMs, progress: 0 };
    this.running.push({ event, pgs, since: state.osdmap.epoch });
  }

  private update(state: MonState): void {
    if (this.running.length === 0) return;
    const all = allPgs(state);
    const isGlobal = this.running.some((r) => r.pgs === undefined);
    const clean = all.filter(isClean).length;
    const still: Running[] = [];
    for (const r of this.running) {
      const progress = r.pgs ? shareOf(all, r.pgs, r.since) : clean / Math.max(1, all.length);
      const event = { ...r.event, progress };
      if (progress < 1) still.push({ ...r, event });
      else this.done.push({ ...event, finishedMs: state.nowMs });
    }
    this.done = this.done.slice(-COMPLETED_MAX);
    this.running = still;
    if (!isGlobal && still.length > 0 && clean < all.length) {
      this.start(state, 'Global Recovery Event', [['global', '']], undefined);
    }
  }
}

function isClean(pg: PgStat): boolean {
  return (pg.state & ACTIVE_CLEAN) === ACTIVE_CLEAN;
}

/** How many of the PGs are clean, by reports of the epoch or later. */
function shareOf(all: readonly PgStat[], pgs: ReadonlySet<string>, since: number): number {
  let there = 0;
  let clean = 0;
  for (const pg of all) {
    if (!pgs.has(formatPgId(pg.pgid))) continue;
    there++;
    if (isClean(pg) && pg.reportedEpoch >= since) clean++;
  }
  // PGs that are gone have nothing left to do.
  return there === 0 ? 1 : clean / there;
}

/** PGs that are up on an OSD in the first map and not in the second. */
function movedPgs(on: OSDMap, off: OSDMap, osd: number): Set<string> {
  const pgs = new Set<string>();
  for (const id of on.data.pools.keys()) {
    const [a, b] = [on.poolMapping(id)!, off.poolMapping(id)];
    if (b?.pgNum !== a.pgNum) continue;
    for (let seed = 0; seed < a.pgNum; seed++) {
      const has = (m: typeof a): boolean =>
        m.up.subarray(seed * m.width, (seed + 1) * m.width).includes(osd);
      if (has(a) && !has(b)) pgs.add(formatPgId({ pool: id, seed }));
    }
  }
  return pgs;
}
