import type { HealthCheck } from '../maps/index.ts';
import { clusterLine, type LogLine } from './change.ts';
import { expiredBlocklist } from './commands/blocklist.ts';
import { expiredMutes } from './commands/health.ts';
import type { MonContext } from './context.ts';
import { autoscale } from './services/autoscale.ts';
import { updateFullness } from './services/fullness.ts';
import { trimFloor } from './services/map-trim.ts';
import { nextPgSteps } from './services/pg-steps.ts';
import type { MonState } from './state.ts';
import { allPgs, autoscaleAdvice, healthChecks, isAutoscaleOff } from './views/index.ts';

/** What the monitor does without being asked, once per second. */
export class Tick {
  private readonly mon: MonContext;
  private autoscaledMs = 0;
  private raised: ReadonlyMap<string, HealthCheck> = new Map();

  constructor(mon: MonContext) {
    this.mon = mon;
  }

  run(): void {
    const { mon } = this;
    mon.pgMap.sample(mon.state().nowMs);
    mon.osdLife.tick(mon);
    const fullness = updateFullness(mon.head());
    if (fullness) mon.propose({ osdmap: fullness });
    const expired = expiredBlocklist(mon.head());
    if (expired.length > 0) mon.propose({ osdmap: { oldBlocklist: expired } });
    const mutes = expiredMutes(mon.head());
    if (mutes && mutes.length > 0) mon.propose({ healthMutes: mutes });
    this.stepPgs(mon);
    const balance = mon.balancer.tick(mon.head());
    if (balance) mon.propose(balance);
    mon.progress.tick(mon.state());
    this.logHealth(mon.state());
    this.trim(mon.head());
  }

  /** Brings pools nearer to the counts of PGs they are to have, and now and then looks what these should be. */
  private stepPgs(mon: MonContext): void {
    const head = mon.head();
    const steps = nextPgSteps(head, allPgs(head));
    if (steps) mon.propose({ osdmap: steps });
    if (isAutoscaleOff(head) || head.nowMs - this.autoscaledMs < AUTOSCALE_MS) return;
    this.autoscaledMs = head.nowMs;
    const state = mon.head();
    const patch = autoscale(state, autoscaleAdvice(state).pools);
    if (patch) mon.propose({ osdmap: patch });
  }

  /** Writes to the cluster log what health checks came and went. Texts: HealthMonitor, release 16.2. */
  private logHealth(state: MonState): void {
    const now = new Map(healthChecks(state).map((c) => [c.code, c]));
    const before = this.raised;
    this.raised = now;
    if (!state.option('mon_health_to_clog')) return;
    const log: LogLine[] = [];
    for (const { code, severity, summary } of now.values()) {
      const was = before.get(code);
      if (was?.summary === summary) continue;
      const verb = was ? 'update' : 'failed';
      const level = severity === 'HEALTH_ERR' ? 'error' : 'warn';
      log.push(clusterLine(level, `Health check ${verb}: ${summary} (${code})`));
    }
    for (const { code, summary } of before.values()) {
      if (!now.has(code))
        log.push(clusterLine('info', `Health check cleared: ${code} (was: ${summary})`));
    }
    if (now.size === 0 && before.size > 0) log.push(clusterLine('info', 'Cluster is now healthy'));
    if (log.length > 0) this.mon.writeLog(log);
  }

  private trim(state: MonState): void {
    if (!this.mon.ledger.idle) return;
    const floor = trimFloor(state);
    if (floor !== undefined) this.mon.trim(floor);
  }
}

/** sleep_interval of the autoscaler, 16.2. */
const AUTOSCALE_MS = 60_000;
