import type { Admin } from './admin.ts';
import { isAllClean } from './checks.ts';
import type { SimCluster } from './cluster.ts';
import { type Damage, flipBit, isRepaired } from './damage.ts';
import { type Fault, faultText, osdId, type PlannedFault } from './faults.ts';
import { People } from './people.ts';
import type { Workload } from './workload.ts';

/** Makes faults happen when they are due, and ends them. */
export class Injector {
  /** Times that each kind happened. */
  readonly done = new Map<string, number>();
  readonly people: People;
  private readonly cluster: SimCluster;
  private readonly workload: Workload;
  private readonly admin: Admin;
  /** The copy that was damaged last. */
  damage: Damage | undefined;

  constructor(cluster: SimCluster, workload: Workload, admin: Admin) {
    this.cluster = cluster;
    this.workload = workload;
    this.admin = admin;
    this.people = new People(cluster, admin);
  }

  plan(faults: readonly PlannedFault[], startMs: number): void {
    const { timeline } = this.cluster;
    for (const planned of faults) {
      timeline.after(startMs + planned.at - timeline.now, () => {
        this.cluster.note(`fault ${faultText(planned)}`);
        this.begin(planned.fault);
      });
    }
  }

  /** Ends everything that goes on: all daemons run, all links are open, all OSDs have their weight. */
  async healAll(): Promise<void> {
    const { cluster } = this;
    cluster.note('heal all');
    cluster.network.heal();
    for (const o of cluster.osds) {
      for (const { disk } of o.shards) disk.extraMs = 0;
      o.isFull = false;
      o.process?.resume();
      for (let index = 1; index < o.shards.length; index++) o.threads?.goOn(index);
    }
    cluster.monProcess?.resume();
    await cluster.startMon();
    await this.startAll();
    await this.people.end();
    // Somebody may have wanted to leave, and stayed after all.
    await this.startAll();
    await this.people.restore();
  }

  private async startAll(): Promise<void> {
    await Promise.all(this.cluster.osds.map((o) => this.cluster.startOsd(o.id)));
  }

  private begin(f: Fault): void {
    const { cluster } = this;
    this.done.set(f.kind, (this.done.get(f.kind) ?? 0) + 1);
    switch (f.kind) {
      case 'kill':
        this.kill(f.daemon, f.byPower);
        return this.later(f.forMs, () => this.start(f.daemon));
      case 'killAll':
        for (const daemon of f.daemons) this.kill(daemon, true);
        return this.later(f.forMs, () => {
          for (const daemon of f.daemons) this.start(daemon);
        });
      case 'pause': {
        const process = this.processOf(f.daemon);
        process?.pause();
        return this.later(f.forMs, () => process?.resume());
      }
      case 'flap':
        for (let i = 0; i < f.times; i++) {
          this.later(i * f.everyMs, () => this.kill(f.osd, i % 2 === 0));
          this.later((i + 0.5) * f.everyMs, () => this.start(f.osd));
        }
        return;
      case 'stallShard': {
        const { threads } = cluster.osd(osdId(f.osd)) ?? {};
        if (!threads) return;
        const shard = 1 + (f.shard % (threads.count - 1));
        threads.stall(shard);
        return this.later(f.forMs, () => threads.goOn(shard));
      }
      case 'killClient':
        void this.workload.replaceClient(f.client % this.workload.clientCount);
        return;
      case 'partition':
        return this.cut(f.from, f.to, f.oneWay, f.forMs);
      case 'isolatePrimary': {
        const osd = this.primaryOf(f.pool, f.pg);
        if (osd === undefined) return;
        const others = cluster.osds.filter((o) => o.id !== osd).map((o) => `osd.${o.id}`);
        return this.cut([`osd.${osd}`], [...others, 'mon.a'], false, f.forMs);
      }
      case 'slowLink':
        this.links([f.from], [f.to], false, (a, b) => cluster.network.slow(a, b, f.ms));
        return this.later(f.forMs, () =>
          this.links([f.from], [f.to], false, (a, b) => cluster.network.slow(a, b, 0)),
        );
      case 'breakLinks':
        return this.links([f.from], [f.to], true, (a, b) => cluster.network.break(a, b));
      case 'slowDisk': {
        const disks = cluster.osd(osdId(f.osd))?.shards.map((s) => s.disk) ?? [];
        for (const disk of disks) disk.extraMs = f.ms;
        return this.later(f.forMs, () => {
          for (const disk of disks) disk.extraMs = 0;
        });
      }
      case 'replaceDisk':
        // One copy of everything may go, while all the others are there.
        if (!isAllClean(cluster)) return;
        this.kill(f.osd, true);
        cluster.osd(osdId(f.osd))?.replaceDisks();
        return this.later(f.forMs, () => this.start(f.osd));
      case 'fill': {
        const machine = cluster.osd(osdId(f.osd));
        if (!machine) return;
        machine.isFull = true;
        this.workload.expectFull();
        return this.later(f.forMs, () => {
          machine.isFull = false;
          this.workload.expectFull();
        });
      }
      case 'flipBit':
        return this.admin.run(this.flip(osdId(f.osd), f.pick));
      default:
        return this.people.begin(f);
    }
  }

  /** One damaged copy at a time: the others are what it is repaired from. */
  private async flip(osd: number, pick: number): Promise<void> {
    const { cluster } = this;
    if (this.damage && !(await isRepaired(cluster, this.damage))) return;
    if (isAllClean(cluster)) this.damage = flipBit(cluster, osd, pick);
  }

  private primaryOf(number: number, pg: number): number | undefined {
    const map = this.cluster.monitor?.state().osdmap;
    const pool = map?.poolByName(`p${number}`);
    if (!map || !pool) return undefined;
    const pgid = { pool: pool.id, seed: pg % pool.pool.pgNum };
    const { actingPrimary } = map.pgToUpActing(pgid);
    return actingPrimary < 0 ? undefined : actingPrimary;
  }

  private processOf(daemon: string) {
    const { cluster } = this;
    return daemon === 'mon.a' ? cluster.monProcess : cluster.osd(osdId(daemon))?.process;
  }
  private kill(daemon: string, byPower: boolean): void {
    if (daemon === 'mon.a') this.cluster.killMon(byPower);
    else this.cluster.osd(osdId(daemon))?.kill(byPower);
  }
  private start(daemon: string): void {
    const { cluster } = this;
    // Not waited for: one that is killed meanwhile never gets there.
    void (daemon === 'mon.a' ? cluster.startMon() : cluster.startOsd(osdId(daemon)));
  }

  private cut(
    from: readonly string[],
    to: readonly string[],
    oneWay: boolean,
    forMs: number,
  ): void {
    const { network } = this.cluster;
    this.links(from, to, oneWay, (a, b) => network.cut(a, b));
    this.later(forMs, () =>
      this.links(from, to, oneWay, (a, b) => network.heal(network.link(a, b))),
    );
  }

  private links(
    from: readonly string[],
    to: readonly string[],
    oneWay: boolean,
    act: (a: string, b: string) => void,
  ): void {
    const { cluster } = this;
    for (const a of from.flatMap((t) => cluster.addresses(t))) {
      for (const b of to.flatMap((t) => cluster.addresses(t))) {
        if (a === b) continue;
        act(a, b);
        if (!oneWay) act(b, a);
      }
    }
  }

  private later(ms: number, act: () => void): void {
    this.cluster.timeline.after(ms, act);
  }
}
