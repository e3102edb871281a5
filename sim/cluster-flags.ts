import { OSDMAP_FLAG } from '../src/maps/index.ts';
import type { Admin } from './admin.ts';
import type { SimCluster } from './cluster.ts';

/** Flags of the cluster that are set for a while. */
export const CLUSTER_FLAGS = [
  'noout',
  'nodown',
  'noup',
  'noin',
  'nobackfill',
  'norecover',
  'norebalance',
  'noscrub',
  'nodeep-scrub',
  'pause',
] as const;
export type ClusterFlag = (typeof CLUSTER_FLAGS)[number];

/** Sets flags, and takes each back when the last who wanted it has no more use for it. */
export class ClusterFlags {
  private readonly cluster: SimCluster;
  private readonly admin: Admin;
  private readonly wanted = new Map<ClusterFlag, number>();
  private pause: { readonly since: number } | undefined;

  constructor(cluster: SimCluster, admin: Admin) {
    this.cluster = cluster;
    this.admin = admin;
  }

  set(flags: readonly ClusterFlag[]): void {
    for (const key of flags) {
      const count = this.wanted.get(key) ?? 0;
      this.wanted.set(key, count + 1);
      if (count === 0) this.admin.run(this.setOne(key));
    }
  }

  clear(flags: readonly ClusterFlag[]): void {
    for (const key of flags) {
      const count = this.wanted.get(key) ?? 0;
      this.wanted.set(key, Math.max(0, count - 1));
      if (count !== 1) continue;
      if (key === 'pause') this.pause = undefined;
      this.admin.command({ prefix: 'osd unset', key });
    }
  }

  /** All of them are off when this resolves. */
  async clearAll(): Promise<void> {
    this.wanted.clear();
    this.pause = undefined;
    for (const key of CLUSTER_FLAGS) await this.admin.insist({ prefix: 'osd unset', key });
  }

  /**
   * While clients are paused, and nobody has asked for the end of that, something that stands for this pause.
   * @param epoch of the client's map
   */
  pauseFor(epoch: number): object | undefined {
    return this.pause && epoch >= this.pause.since ? this.pause : undefined;
  }

  private async setOne(key: ClusterFlag): Promise<void> {
    const isDone = await this.admin.asked({ prefix: 'osd set', key });
    const map = this.cluster.monitor?.state().osdmap;
    const isWanted = (this.wanted.get(key) ?? 0) > 0;
    if (key !== 'pause' || !isDone || !isWanted || !map) return;
    if (map.hasFlag(OSDMAP_FLAG.pauserd) && map.hasFlag(OSDMAP_FLAG.pausewr)) {
      this.pause = { since: map.epoch };
      if (this.cluster.lie === 'secret unpause') this.admin.command({ prefix: 'osd unset', key });
    }
  }
}
