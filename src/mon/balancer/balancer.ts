import { evaluate, METRICS, type Metric } from '../../balancer/index.ts';
import { formatValue } from '../../codec/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { formatPgId } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { Change } from '../change.ts';
import { CommandFailure, changed, type Decision, ok, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';
import { evaluationText } from './evaluation-text.ts';
import { idsOf, makePlan } from './plan.ts';
import type { NoPlan, Plan } from './plan-types.ts';
import { isTimeToBalance, timeText } from './when.ts';

// Texts and rules: pybind/mgr/balancer/module.py, release 16.2.

const SUCCESS = 'Optimization plan created successfully';

/**
 * The manager's balancer: its plans, which it forgets at a restart, and its work without being asked. What it is told to
 * be is in options, so it is durable and everybody may set it. Decisions are made on the state it is given.
 */
export class Balancer {
  private readonly plans = new Map<string, Plan>();
  private lastStarted = '';
  private lastDuration = '';
  private lastResult = '';
  /** Once it was so; Ceph does not take it back either. */
  private isEven = false;
  private lastMs = Number.NEGATIVE_INFINITY;
  private turn = 0;
  private readonly monotonicMs: () => number;

  /** @param monotonicMs a clock, for how long optimizing takes */
  constructor(monotonicMs: () => number) {
    this.monotonicMs = monotonicMs;
  }

  /** Called once a second. @returns what is to be changed now */
  tick(state: MonState): Change | undefined {
    const intervalMs = 1000 * Number(state.option('mgr/balancer/sleep_interval'));
    if (!isActive(state) || state.nowMs - this.lastMs < intervalMs) return undefined;
    if (!isTimeToBalance(state)) return undefined;
    this.lastMs = state.nowMs;
    const ids = new Set(poolIds(state));
    const names = [...ids].flatMap((id) => state.osdmap.poolName(id) ?? []);
    // All the pools that it was to be limited to are gone.
    if (ids.size > 0 && names.length === 0) return undefined;
    const plan = this.optimize(state, `auto_${Math.floor(state.nowMs)}`, names);
    return 'errno' in plan ? undefined : { osdmap: plan.patch };
  }

  status(state: MonState): Decision {
    // Keys in the order that Python sorts them.
    const value = {
      active: isActive(state),
      last_optimize_duration: this.lastDuration,
      last_optimize_started: this.lastStarted,
      mode: String(state.option('mgr/balancer/mode')),
      no_optimization_needed: this.isEven,
      optimize_result: this.lastResult,
      plans: [...this.plans.keys()],
    };
    return unchanged(ok(`${formatValue(value, true)}\n`));
  }

  ls(): Decision {
    return unchanged(ok(`${formatValue([...this.plans.keys()], true)}\n`));
  }

  evaluate(state: MonState, args: CommandArgs, verbose: boolean): Decision {
    const option = args.text('option');
    const { what, map, pools } = this.subject(state, option);
    const contents = (pool: number, seed: number) => {
      const sum = state.pgStats.get(formatPgId({ pool, seed }))?.statsSum;
      return { objects: sum?.numObjects ?? 0, bytes: sum?.numBytes ?? 0 };
    };
    const metrics = String(state.option('mgr/balancer/crush_compat_metrics')).split(',');
    const counted = METRICS.filter((m: Metric) => metrics.includes(m));
    const result = evaluate(map, contents, idsOf(map, pools), counted);
    return unchanged(ok(evaluationText(what, result, verbose)));
  }

  /** What a word after `balancer eval` is about. @throws CommandFailure EINVAL */
  private subject(
    state: MonState,
    option: string | undefined,
  ): { what: string; map: OSDMap; pools: readonly string[] } {
    if (option === undefined) return { what: 'current cluster', map: state.osdmap, pools: [] };
    const plan = this.plans.get(option);
    if (plan) {
      return { what: `plan "${option}"`, map: plan.after, pools: plan.pools };
    }
    if (state.osdmap.poolByName(option)) {
      return { what: `pool "${option}"`, map: state.osdmap, pools: [option] };
    }
    throw new CommandFailure('EINVAL', `option "${option}" not a plan or a pool`);
  }

  plan(state: MonState, args: CommandArgs): Decision {
    this.refuseWhileActive(state, 'optimize manually');
    const name = args.needText('plan');
    const pools = args.list('pools');
    const unknown = pools.filter((pool) => !state.osdmap.poolByName(pool));
    if (unknown.length > 0) {
      const list = unknown.map((p) => `'${p}'`).join(', ');
      throw new CommandFailure('EINVAL', `pools [${list}] not found`);
    }
    const plan = this.optimize(state, name, pools);
    if ('errno' in plan) throw new CommandFailure(plan.errno, plan.detail);
    this.plans.set(name, plan);
    return unchanged(ok());
  }

  show(args: CommandArgs): Decision {
    return unchanged(ok(`${planCommandsOf(this.need(args))}\n`));
  }

  /** The change that a plan makes of the map. */
  dump(args: CommandArgs): Decision {
    const { patch, osdmap } = this.need(args);
    const items = [...(patch.newPgUpmapItems ?? [])];
    const value = {
      epoch: osdmap.epoch + 1,
      new_pg_upmap_items: items.map(([pgid, pairs]) => ({
        mappings: pairs.map(([from, to]) => ({ from, to })),
        pgid,
      })),
      old_pg_upmap_items: [...(patch.oldPgUpmapItems ?? [])],
    };
    return unchanged(ok(`${formatValue(value, true)}\n`));
  }

  execute(state: MonState, args: CommandArgs): Decision {
    this.refuseWhileActive(state, 'execute a plan');
    const plan = this.need(args);
    this.plans.delete(plan.name);
    // Its weights would undo what was changed since.
    if (plan.patch.crush && plan.osdmap.data.crushVersion !== state.osdmap.data.crushVersion) {
      throw new CommandFailure('EAGAIN', 'the CRUSH map has changed since, make another plan');
    }
    return changed(ok(), { osdmap: plan.patch });
  }

  remove(args: CommandArgs): Decision {
    this.plans.delete(args.needText('plan'));
    return unchanged(ok());
  }

  reset(): Decision {
    this.plans.clear();
    return unchanged(ok());
  }

  private need(args: CommandArgs): Plan {
    const name = args.needText('plan');
    const plan = this.plans.get(name);
    if (!plan) throw new CommandFailure('ENOENT', `plan ${name} not found`);
    return plan;
  }

  private refuseWhileActive(state: MonState, what: string): void {
    if (!isActive(state)) return;
    throw new CommandFailure('EINVAL', `Balancer enabled, disable to ${what}`);
  }

  private optimize(state: MonState, name: string, pools: readonly string[]): Plan | NoPlan {
    const began = this.monotonicMs();
    this.lastStarted = timeText(state.nowMs);
    const plan = makePlan(state, name, pools, this.turn++);
    this.lastDuration = durationText(this.monotonicMs() - began);
    this.lastResult = 'errno' in plan ? plan.detail : SUCCESS;
    if ('errno' in plan && plan.errno === 'EALREADY') this.isEven = true;
    return plan;
  }
}

export function isActive(state: MonState): boolean {
  return state.option('mgr/balancer/active') === true;
}

/** The pools that the work without being asked is limited to. */
export function poolIds(state: MonState): number[] {
  const text = String(state.option('mgr/balancer/pool_ids'));
  return text === '' ? [] : text.split(',').map(Number);
}

function planCommandsOf(plan: Plan): string {
  const head = [
    `# starting osdmap epoch ${plan.osdmap.epoch}`,
    `# starting crush version ${plan.osdmap.data.crushVersion}`,
    `# mode ${plan.mode}`,
  ];
  return [...head, ...plan.commands].join('\n');
}

/** As Python prints a time span: `0:00:00.001234`. */
function durationText(ms: number): string {
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1e6);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const rest = micros % 1e6;
  return rest === 0 ? clock : `${clock}.${String(rest).padStart(6, '0')}`;
}
