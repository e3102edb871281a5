import { formatPgId } from '../src/wire/index.ts';
import type { Admin, MonCommand } from './admin.ts';
import { Census } from './census.ts';
import type { SimCluster } from './cluster.ts';
import { ClusterFlags } from './cluster-flags.ts';
import {
  botchCommands,
  botchMakings,
  CRUSH_WEIGHT,
  crushWeight,
  undoCommands,
} from './crush-botches.ts';
import { type Fault, osdId } from './faults.ts';

type PeopleKind =
  | 'markDown'
  | 'out'
  | 'reweight'
  | 'crushReweight'
  | 'upmap'
  | 'mapStorm'
  | 'pgNum'
  | 'flags'
  | 'botchCrush'
  | 'expand'
  | 'drain'
  | 'lose'
  | 'renew';
type PeopleFault = Extract<Fault, { kind: PeopleKind }>;

/** Those who give commands to the cluster: what they do to it, and take back. */
export class People {
  readonly flags: ClusterFlags;
  private readonly cluster: SimCluster;
  private readonly admin: Admin;
  private readonly census: Census;
  /** What the botches need is in the CRUSH map, or soon will be. */
  private canBotch = false;

  constructor(cluster: SimCluster, admin: Admin) {
    this.cluster = cluster;
    this.admin = admin;
    this.flags = new ClusterFlags(cluster, admin);
    this.census = new Census(cluster, admin);
  }

  begin(f: PeopleFault): void {
    switch (f.kind) {
      case 'markDown':
        return this.command({ prefix: 'osd down', ids: [idText(f.osd)] });
      case 'out':
        this.command({ prefix: 'osd out', ids: [idText(f.osd)] });
        return this.later(f.forMs, () => this.command({ prefix: 'osd in', ids: [idText(f.osd)] }));
      case 'reweight':
        this.command({ prefix: 'osd reweight', id: osdId(f.osd), weight: f.weight });
        return this.later(f.forMs, () =>
          this.command({ prefix: 'osd reweight', id: osdId(f.osd), weight: 1 }),
        );
      case 'crushReweight':
        this.command(crushWeight(osdId(f.osd), f.weight * CRUSH_WEIGHT));
        return this.later(f.forMs, () => this.command(crushWeight(osdId(f.osd), CRUSH_WEIGHT)));
      case 'upmap':
        return this.upmap(f);
      case 'mapStorm':
        return this.mapStorm(f);
      case 'pgNum': {
        const val = String(f.pgNum);
        return this.command({ prefix: 'osd pool set', pool: `p${f.pool}`, var: 'pg_num', val });
      }
      case 'flags':
        this.flags.set(f.flags);
        return this.later(f.forMs, () => this.flags.clear(f.flags));
      case 'botchCrush':
        return this.botch(f);
      case 'expand':
        return this.census.expand();
      case 'drain':
        return this.census.drain(osdId(f.osd), f.isPolite);
      case 'lose':
        return this.census.lose(osdId(f.osd), f.afterMs);
      case 'renew':
        return this.census.renew(osdId(f.osd), f.afterMs);
    }
  }

  /** All that was begun is ended, and flags are off. */
  async end(): Promise<void> {
    await this.flags.clearAll();
    this.census.end();
    await this.admin.idle();
  }

  /** Everything is in the map as it was in the beginning: weights, rules, hosts. */
  async restore(): Promise<void> {
    const { cluster, admin } = this;
    for (const { id } of cluster.osds) {
      await admin.insist({ prefix: 'osd reweight', id, weight: 1 });
      await admin.insist({ prefix: 'osd in', ids: [String(id)] });
    }
    const pools = cluster.options.pools.map((p) => p.name);
    for (const cmd of undoCommands(cluster, pools)) await admin.settle(cmd);
  }

  private mapStorm(f: Extract<Fault, { kind: 'mapStorm' }>): void {
    const ids = f.osds.map(osdId);
    if (ids.length === 0) return;
    for (let i = 0; i < f.maps; i++) {
      const weight = i % 2 === 0 ? 0 : CRUSH_WEIGHT;
      const id = ids[(i >> 1) % ids.length]!;
      this.later(i * f.everyMs, () => this.command(crushWeight(id, weight)));
    }
    this.later(f.maps * f.everyMs, () => {
      for (const id of ids) this.command(crushWeight(id, CRUSH_WEIGHT));
    });
  }

  private botch(f: Extract<Fault, { kind: 'botchCrush' }>): void {
    const { cluster } = this;
    const pool = `p${f.pool}`;
    const ids = f.osds.map(osdId);
    if (!this.canBotch) for (const cmd of botchMakings) this.command(cmd);
    this.canBotch = true;
    for (let i = 0; i < f.times; i++) {
      this.later(2 * i * f.forMs, () => {
        for (const cmd of botchCommands(cluster, f.how, pool, ids)) this.command(cmd);
      });
      this.later((2 * i + 1) * f.forMs, () => {
        for (const cmd of undoCommands(cluster, [pool])) this.command(cmd);
      });
    }
  }

  private upmap(f: Extract<Fault, { kind: 'upmap' }>): void {
    const map = this.cluster.monitor?.state().osdmap;
    const pool = map?.poolByName(`p${f.pool}`);
    if (!map || !pool) return;
    const pgid = { pool: pool.id, seed: f.pg % pool.pool.pgNum };
    const { up } = map.pgToUpActing(pgid);
    const from = up[f.position % Math.max(1, up.length)];
    if (from === undefined || up.includes(f.to) || !map.exists(f.to)) return;
    const name = formatPgId(pgid);
    this.command({ prefix: 'osd pg-upmap-items', pgid: name, id: [from, f.to] });
    this.later(f.forMs, () => this.command({ prefix: 'osd rm-pg-upmap-items', pgid: name }));
  }

  private command(cmd: MonCommand): void {
    this.admin.command(cmd);
  }
  private later(ms: number, act: () => void): void {
    this.cluster.timeline.after(ms, act);
  }
}

function idText(osd: string): string {
  return osd.slice(4);
}
