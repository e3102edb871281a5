import type { Clock } from '../../runtime/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { PgId } from '../../wire/index.ts';
import type { Pg } from '../pg/pg.ts';
import { factsOf } from '../pg/pg-facts.ts';
import { queryPg } from '../pg/pg-query.ts';
import { PgReports } from '../pg/pg-report.ts';
import { listUnfound, markUnfoundLost } from '../pg/pg-unfound.ts';
import type { ClientOp, OpAnswer } from '../requests/client-request.ts';
import type { OpenOps } from '../requests/open-ops.ts';
import type { Answer, ShardAnswers, ShardReport } from '../shard-front.ts';
import type { OsdCounters } from './counters.ts';
import type { Mempools } from './mempools.ts';
import { OpHistory, type SlowOps, slowOpsOf } from './op-history.ts';
import { type OpRecord, recordOf } from './op-record.ts';
import type { PgRegistry } from './pg-registry.ts';
import type { Standing } from './standing.ts';
import type { LatencySum } from './store-latency.ts';

/** Slow requests are looked for so often at most. */
const SLOW_OPS_MS = 5000;

/** What there is to tell of. */
export interface ShardBooksScope {
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly standing: Standing;
  readonly pgs: PgRegistry;
  readonly counters: OsdCounters;
  readonly memory: { mempools(): Mempools };
  /** See ShardReport.copiesReplaced. */
  readonly scrub: { readonly replaced: number };
  /** Requests that no PG has yet. */
  held(): OpenOps;
  /** See ShardStore. */
  takeLatency(): LatencySum;
}

/** What a shard remembers of its requests, and tells of them and of its PGs to reports and commands. */
export class ShardBooks {
  private readonly scope: ShardBooksScope;
  private readonly history: OpHistory;
  private readonly reports = new PgReports();
  private slow: { readonly atMs: number; readonly found: SlowOps } | undefined;
  private readonly table: {
    readonly [Q in keyof ShardAnswers]: (pg?: Pg) => Answer<ShardAnswers[Q]>;
  };

  constructor(scope: ShardBooksScope) {
    const { clock, counters, memory } = scope;
    this.scope = scope;
    this.history = new OpHistory(scope.standing.settings.history);
    const nowMs = (): number => clock.monotonicMs();
    this.table = {
      report: () => this.report(),
      counters: () => counters.sums(),
      mempools: () => memory.mempools(),
      ops: () => ({ nowMs: nowMs(), ops: records(this.openOps()) }),
      historicOps: () => ({ nowMs: nowMs(), ops: this.history.bySlowness(nowMs()) }),
      historicSlowOps: () => ({ nowMs: nowMs(), ops: this.history.slowOnes }),
      pg: (pg) => pg && queryPg(pg, this.reports.one(pg, clock.wallMs())),
      pgFacts: (pg) => pg && factsOf(pg),
      pgUnfound: (pg) => pg && listUnfound(pg),
      pgRevert: (pg) => pg && markUnfoundLost(pg, 'revert'),
      pgDelete: (pg) => pg && markUnfoundLost(pg, 'delete'),
    };
  }

  /** See ShardCalls. */
  ask<Q extends keyof ShardAnswers>(question: Q, pgid?: PgId): Answer<ShardAnswers[Q]> {
    return this.table[question](pgid && this.scope.pgs.get(pgid));
  }

  /** A client has its answer. */
  answered(op: ClientOp, a: OpAnswer): void {
    const now = this.scope.clock.monotonicMs();
    this.scope.counters.answered(op, a, now);
    this.history.answered(op, now);
  }

  /** Options have changed. */
  configChanged(): void {
    this.history.apply(this.scope.standing.settings.history);
  }

  private report(): ShardReport {
    const { pgs, clock, store, scrub } = this.scope;
    return {
      pgs: this.reports.of(pgs.all(), clock.wallMs()),
      pgCount: pgs.size,
      usage: store.usage(),
      copiesReplaced: scrub.replaced,
      slowOps: this.slowOps(),
      latency: this.scope.takeLatency(),
    };
  }

  /** To find them is work, so not each of several reports in a short time looks anew. */
  private slowOps(): SlowOps {
    const { complaintMs } = this.scope.standing.settings.history;
    const now = this.scope.clock.monotonicMs();
    if (!this.slow || now - this.slow.atMs >= Math.min(SLOW_OPS_MS, complaintMs)) {
      this.slow = { atMs: now, found: slowOpsOf(this.openOps(), now, complaintMs) };
    }
    return this.slow.found;
  }

  /** Requests that are being served or held. */
  private openOps(): OpenOps[] {
    const { scope } = this;
    return [scope.held(), ...[...scope.pgs.all()].flatMap((pg) => pg.pipeline.standing())];
  }
}

function records(all: readonly OpenOps[]): OpRecord[] {
  return all.flatMap(({ point, ops }) => ops.map((op) => recordOf(op, point)));
}
