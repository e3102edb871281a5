import { CephError } from '../src/errors/index.ts';
import { formatPgId } from '../src/wire/index.ts';
import { isAllClean } from './checks.ts';
import type { SimClient, SimCluster } from './cluster.ts';
import { type Damage, flipBit, isRepaired } from './damage.ts';
import { type Fault, faultText, type PlannedFault } from './faults.ts';
import type { Workload } from './workload.ts';

/** A command that nobody answers is given up: the monitor may be away. */
const COMMAND_MS = 20_000;
const WEIGHT_OF_HOST = 0.00024;

/** Makes faults happen when they are due, and ends them. */
export class Injector {
  /** Times that each kind happened. */
  readonly done = new Map<string, number>();
  private readonly cluster: SimCluster;
  private readonly workload: Workload;
  private readonly admin: SimClient;
  private readonly commands = new Set<Promise<void>>();
  /** The copy that was damaged last. */
  damage: Damage | undefined;
  private expansion: Promise<void> = Promise.resolve();

  constructor(cluster: SimCluster, workload: Workload, admin: SimClient) {
    this.cluster = cluster;
    this.workload = workload;
    this.admin = admin;
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
      o.disk.extraMs = 0;
      o.isFull = false;
      o.process?.resume();
    }
    cluster.monProcess?.resume();
    await cluster.startMon();
    await Promise.all(this.commands);
    await Promise.all(cluster.osds.map((o) => cluster.startOsd(o.id)));
    for (const { id } of cluster.osds) {
      await this.insist({ prefix: 'osd reweight', id, weight: 1 });
      await this.insist({ prefix: 'osd in', ids: [String(id)] });
      const crush = { name: `osd.${id}`, weight: WEIGHT_OF_HOST };
      await this.insist({ prefix: 'osd crush reweight', ...crush });
    }
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
      case 'partition':
        this.links(f.from, f.to, f.oneWay, (a, b) => cluster.network.cut(a, b));
        return this.later(f.forMs, () =>
          this.links(f.from, f.to, f.oneWay, (a, b) =>
            cluster.network.heal(cluster.network.link(a, b)),
          ),
        );
      case 'slowLink':
        this.links([f.from], [f.to], false, (a, b) => cluster.network.slow(a, b, f.ms));
        return this.later(f.forMs, () =>
          this.links([f.from], [f.to], false, (a, b) => cluster.network.slow(a, b, 0)),
        );
      case 'breakLinks':
        return this.links([f.from], [f.to], true, (a, b) => cluster.network.break(a, b));
      case 'slowDisk': {
        const { disk } = cluster.osds[idOf(f.osd)]!;
        disk.extraMs = f.ms;
        return this.later(f.forMs, () => {
          disk.extraMs = 0;
        });
      }
      case 'replaceDisk':
        // One copy of everything may go, while all the others are there.
        if (!isAllClean(cluster)) return;
        this.kill(f.osd, true);
        cluster.osds[idOf(f.osd)]!.disk.replace();
        return this.later(f.forMs, () => this.start(f.osd));
      case 'killClient':
        void this.workload.replaceClient(f.client % this.workload.clientCount);
        return;
      case 'markDown':
        return this.command({ prefix: 'osd down', ids: [String(idOf(f.osd))] });
      case 'out':
        this.command({ prefix: 'osd out', ids: [String(idOf(f.osd))] });
        return this.later(f.forMs, () =>
          this.command({ prefix: 'osd in', ids: [String(idOf(f.osd))] }),
        );
      case 'reweight':
        this.command({ prefix: 'osd reweight', id: idOf(f.osd), weight: f.weight });
        return this.later(f.forMs, () =>
          this.command({ prefix: 'osd reweight', id: idOf(f.osd), weight: 1 }),
        );
      case 'crushReweight':
        this.crush(f.osd, f.weight * WEIGHT_OF_HOST);
        return this.later(f.forMs, () => this.crush(f.osd, WEIGHT_OF_HOST));
      case 'upmap':
        return this.upmap(f);
      case 'mapStorm':
        for (let i = 0; i < f.maps; i++) {
          const osd = f.osds[(i >> 1) % f.osds.length];
          if (osd === undefined) return;
          this.later(i * f.everyMs, () => this.crush(osd, i % 2 === 0 ? 0 : WEIGHT_OF_HOST));
        }
        return this.later(f.maps * f.everyMs, () => {
          for (const osd of f.osds) this.crush(osd, WEIGHT_OF_HOST);
        });
      case 'pgNum': {
        const val = String(f.pgNum);
        return this.command({ prefix: 'osd pool set', pool: `p${f.pool}`, var: 'pg_num', val });
      }
      case 'fill': {
        const machine = cluster.osds[idOf(f.osd)]!;
        machine.isFull = true;
        this.workload.expectFull();
        return this.later(f.forMs, () => {
          machine.isFull = false;
          this.workload.expectFull();
        });
      }
      case 'flipBit':
        return this.run(this.flip(idOf(f.osd), f.pick));
      case 'flap':
        for (let i = 0; i < f.times; i++) {
          this.later(i * f.everyMs, () => this.kill(f.osd, i % 2 === 0));
          this.later((i + 0.5) * f.everyMs, () => this.start(f.osd));
        }
        return;
      case 'isolatePrimary': {
        const osd = this.primaryOf(f.pool, f.pg);
        if (osd === undefined) return;
        const others = cluster.osds.filter((o) => o.id !== osd).map((o) => `osd.${o.id}`);
        const cut = { from: [`osd.${osd}`], to: [...others, 'mon.a'] };
        this.links(cut.from, cut.to, false, (a, b) => cluster.network.cut(a, b));
        return this.later(f.forMs, () =>
          this.links(cut.from, cut.to, false, (a, b) =>
            cluster.network.heal(cluster.network.link(a, b)),
          ),
        );
      }
      case 'expand':
        // One after another: each gets the next id.
        this.expansion = this.expansion.then(() => this.expand());
        return this.run(this.expansion);
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

  private async expand(): Promise<void> {
    const uuid = this.cluster.nextUuid;
    const { output } = await this.insist({ prefix: 'osd new', uuid });
    await this.cluster.startNewOsd(Number(output.toString()));
  }

  private upmap(f: Extract<Fault, { kind: 'upmap' }>): void {
    const map = this.cluster.monitor?.state().osdmap;
    const pool = map?.poolByName(`p${f.pool}`);
    if (!map || !pool) return;
    const pgid = { pool: pool.id, seed: f.pg % pool.pool.pgNum };
    const { up } = map.pgToUpActing(pgid);
    const from = up[f.position % Math.max(1, up.length)];
    if (from === undefined || up.includes(f.to)) return;
    const name = formatPgId(pgid);
    this.command({ prefix: 'osd pg-upmap-items', pgid: name, id: [from, f.to] });
    this.later(f.forMs, () => this.command({ prefix: 'osd rm-pg-upmap-items', pgid: name }));
  }

  private crush(osd: string, weight: number): void {
    this.command({ prefix: 'osd crush reweight', name: osd, weight });
  }

  private processOf(daemon: string) {
    const { cluster } = this;
    return daemon === 'mon.a' ? cluster.monProcess : cluster.osds[idOf(daemon)]!.process;
  }
  private kill(daemon: string, byPower: boolean): void {
    if (daemon === 'mon.a') this.cluster.killMon(byPower);
    else this.cluster.killOsd(idOf(daemon), byPower);
  }
  private start(daemon: string): void {
    const { cluster } = this;
    // Not waited for: one that is killed meanwhile never gets there.
    void (daemon === 'mon.a' ? cluster.startMon() : cluster.startOsd(idOf(daemon)));
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

  private run(what: Promise<unknown>): void {
    const kept = what.then(() => {});
    this.commands.add(kept);
    void kept.then(() => this.commands.delete(kept));
  }

  /** Sent once; what is refused or lost stays undone. */
  private command(cmd: { prefix: string } & Record<string, unknown>): void {
    this.run(
      this.admin.rados.command(cmd, { timeoutMs: COMMAND_MS }).then(
        () => {},
        (e: unknown) => {
          if (!(e instanceof CephError) || e.code === 'EINVAL') throw e;
          this.cluster.note(`${cmd.prefix}: ${e.code}`);
        },
      ),
    );
  }

  /** Sent until it is answered. */
  private async insist(cmd: { prefix: string } & Record<string, unknown>) {
    for (;;) {
      try {
        return await this.admin.rados.command(cmd, { timeoutMs: COMMAND_MS });
      } catch (e) {
        if (!(e instanceof CephError) || e.code !== 'ETIMEDOUT') throw e;
      }
    }
  }
}

function idOf(osd: string): number {
  return Number(osd.slice(4));
}
