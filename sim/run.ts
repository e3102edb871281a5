import { Admin } from './admin.ts';
import {
  changingPools,
  uncleanPgs,
  unequalReplicas,
  unlinearizable,
  whyUnclean,
} from './checks.ts';
import { SimCluster } from './cluster.ts';
import { isRepaired } from './damage.ts';
import { drawFaults, type PlannedFault } from './faults.ts';
import { Injector } from './injector.ts';
import { drawOptions, type SimOptions } from './options.ts';
import { leftovers } from './rest.ts';
import type { Lie } from './sabotage.ts';
import { OnlyGrow } from './versions.ts';
import { Workload } from './workload.ts';

/** Everything that decides a run: equal plans give equal runs. */
export interface Plan {
  readonly seed: number;
  readonly options: SimOptions;
  /** What the faults are drawn for. */
  readonly durationMs: number;
  /** When clients and faults end; later faults do not come. */
  readonly untilMs: number;
  readonly faults: readonly PlannedFault[];
  /** Threads of clients that do nothing. */
  readonly without: readonly number[];
}

export interface Result {
  readonly seed: number;
  /** Empty: all is well. */
  readonly failures: readonly string[];
  readonly traceHash: string;
  readonly requests: number;
  readonly events: number;
  readonly virtualMs: number;
  /** Objects whose history was too entangled to decide. */
  readonly undecided: number;
  readonly faults: ReadonlyMap<string, number>;
}

export interface RunOptions {
  /** Hears what happens, with the virtual time. */
  readonly tell?: (line: string) => void;
  /** What is wrong on purpose: for tests of the checkers. */
  readonly lie?: Lie;
}

/** After the last fault everything is well again within so much virtual time. */
const HEAL_MS = 180_000;
const ANSWER_MS = 60_000;
const WATCH_MS = 1000;
/** When nothing is asked for any more, what is left over is let go of within so much virtual time. */
const REST_MS = 60_000;
const REST_LOOK_MS = 4000;
/** Lines of one kind of failure that are shown. */
const SHOWN_MAX = 12;

export function planOf(seed: number, durationMs = 600_000): Plan {
  const options = drawOptions(seed);
  const faults = drawFaults(seed, options, durationMs);
  return { seed, options, durationMs, untilMs: durationMs, faults, without: [] };
}

/** Runs a plan to its end, or to the first thing that must not happen. */
export async function run(plan: Plan, how: RunOptions = {}): Promise<Result> {
  const cluster = new SimCluster(plan.seed, plan.options, how.lie);
  const { timeline } = cluster;
  const { tell } = how;
  if (tell) timeline.tell = (line) => tell(`${(timeline.now / 1000).toFixed(4)} ${line}`);
  const failures: string[] = [];
  const thrown = (e: unknown): void => {
    failures.push(`thrown: ${e instanceof Error ? e.stack : e}`);
  };
  process.on('unhandledRejection', thrown);
  process.on('uncaughtException', thrown);
  const scene = new Scene(cluster, plan, failures);
  try {
    await scene.play();
  } catch (e) {
    thrown(e);
  } finally {
    process.off('unhandledRejection', thrown);
    process.off('uncaughtException', thrown);
  }
  return {
    seed: plan.seed,
    failures,
    traceHash: timeline.traceHash,
    requests: scene.workload.count,
    events: timeline.count,
    virtualMs: timeline.now,
    undecided: scene.undecided,
    faults: scene.faults,
  };
}

class Scene {
  readonly workload: Workload;
  undecided = 0;
  faults: ReadonlyMap<string, number> = new Map();
  private readonly cluster: SimCluster;
  private readonly plan: Plan;
  private readonly failures: string[];
  private readonly epochs = new OnlyGrow();

  constructor(cluster: SimCluster, plan: Plan, failures: string[]) {
    this.cluster = cluster;
    this.plan = plan;
    this.failures = failures;
    this.workload = new Workload(cluster, new Set(plan.without));
  }

  async play(): Promise<void> {
    const { cluster, plan, workload } = this;
    const { timeline } = cluster;
    await cluster.create();
    const admin = await cluster.drive('the connection of the admin', cluster.client());
    for (const { name, pgNum, size, minSize } of plan.options.pools) {
      await cluster.drive('a pool', admin.rados.createPool(name, { pgNum, size }));
      const set = { prefix: 'osd pool set', pool: name, var: 'min_size', val: String(minSize) };
      await cluster.drive('min_size', admin.rados.command(set));
    }
    await cluster.drive('the connection of clients', workload.start());
    const startMs = timeline.now;
    const injector = new Injector(cluster, workload, new Admin(cluster, admin));
    this.faults = injector.done;
    workload.pauseFor = (epoch) => injector.people.flags.pauseFor(epoch);
    injector.plan(
      plan.faults.filter((f) => f.at < plan.untilMs),
      startMs,
    );
    await this.watch(startMs + plan.untilMs);
    if (this.isBad) return;
    await cluster.drive('the end of all faults', injector.healAll(), HEAL_MS);
    const isClean = await this.watch(
      timeline.now + HEAL_MS,
      () => uncleanPgs(cluster).length === 0 && changingPools(cluster).length === 0,
    );
    if (!isClean) {
      this.fail(`not clean ${HEAL_MS / 1000} s after the last fault`, uncleanPgs(cluster));
      this.fail('still on the way to another number of PGs', changingPools(cluster));
      this.fail('waiting', await cluster.drive('queries', whyUnclean(cluster)));
    }
    workload.stop();
    if (!(await this.watch(timeline.now + ANSWER_MS, () => workload.underWay.size === 0))) {
      const open = [...workload.underWay.values()];
      const lines = open.map((u) => `${u.name} ${u.what} since ${(u.sinceMs / 1000).toFixed(3)} s`);
      this.fail('not answered', lines);
    }
    if (this.isBad) return;
    await this.repaired(injector);
    await cluster.drive('the last requests', this.askAll(), ANSWER_MS);
    // Scrubs may be on the way of writing a digest into an info.
    this.fail('replicas differ', await this.lasting(unequalReplicas));
    this.fail('left over', await this.lasting(leftovers));
    this.look();
    const { wrong, undecided } = unlinearizable(workload.history);
    this.undecided = undecided;
    this.fail('not linearizable', wrong);
  }

  /** Waits until scrubs have found and mended what was damaged. */
  private async repaired({ damage }: Injector): Promise<void> {
    if (!damage) return;
    const { cluster } = this;
    const untilMs = cluster.timeline.now + HEAL_MS;
    const look = (): Promise<boolean> => cluster.drive('a look', isRepaired(cluster, damage));
    while (!(await look()) && cluster.timeline.now < untilMs) {
      await this.watch(cluster.timeline.now + WATCH_MS);
    }
    if (await look()) return;
    this.fail('not repaired', [`${damage.c}/${damage.oid.name} on osd.${damage.osd}`]);
  }

  get isBad(): boolean {
    return this.failures.length > 0;
  }

  private fail(what: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.failures.push(`${what}:\n  ${lines.slice(0, SHOWN_MAX).join('\n  ')}`);
  }

  /** Lets time pass, looking from time to time for what must never be. @returns whether `done` came true */
  private async watch(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    const { cluster } = this;
    const { timeline } = cluster;
    while (timeline.now < untilMs) {
      await timeline.run(Math.min(untilMs, timeline.now + WATCH_MS));
      this.look();
      if (this.isBad || done()) return !this.isBad;
    }
    return false;
  }

  /** What must not be at any moment. */
  private look(): void {
    const { cluster, workload, epochs } = this;
    this.fail('a daemon stopped', cluster.fatal);
    this.fail('logged as errors', cluster.errors);
    this.fail('wrongly refused', workload.refused);
    const { monitor } = cluster;
    if (monitor) epochs.see('the map of the monitor', monitor.state().osdmap.epoch);
    for (const [client, epoch] of workload.epochs()) epochs.see(`the map of ${client}`, epoch);
    this.fail('an epoch went back', epochs.wrong);
    this.fail('a store went back', cluster.witness.wrong);
  }

  /** What a look still finds when everybody has had the time to end what is under way. */
  private async lasting(look: (cluster: SimCluster) => Promise<string[]>): Promise<string[]> {
    const { cluster } = this;
    const untilMs = cluster.timeline.now + REST_MS;
    for (;;) {
      const found = await cluster.drive(look.name, look(cluster), ANSWER_MS);
      if (found.length === 0 || cluster.timeline.now >= untilMs) return found;
      await this.watch(cluster.timeline.now + REST_LOOK_MS);
      if (this.isBad) return [];
    }
  }

  /** A fresh client reads everything that any client ever named, and every PG is written to. */
  private async askAll(): Promise<void> {
    const { workload, cluster } = this;
    const asker = await cluster.client();
    for (const object of [...workload.history.keys()]) {
      const slash = object.indexOf('/');
      const pool = await asker.rados.pool(object.slice(0, slash));
      await workload.read(asker, pool, object.slice(slash + 1));
    }
    // A log is cut when it is written to, up to what was there before.
    for (let round = 0; round < 2; round++) await workload.touchEveryPg(asker);
    this.fail('wrongly refused', workload.refused);
  }
}
