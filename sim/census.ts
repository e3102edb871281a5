import type { Admin } from './admin.ts';
import { isAllClean } from './checks.ts';
import type { SimCluster } from './cluster.ts';

const LOOK_MS = 1000;
/** Somebody who empties an OSD has so much patience, and then so much until it is purged. */
const EMPTY_MS = 90_000;
const PURGE_MS = 30_000;
const GOODBYE_MS = 3000;

/** Which OSDs there are: new ones come, others leave for good, one after another. */
export class Census {
  private readonly cluster: SimCluster;
  private readonly admin: Admin;
  private last: Promise<void> = Promise.resolve();
  private isOver = false;

  constructor(cluster: SimCluster, admin: Admin) {
    this.cluster = cluster;
    this.admin = admin;
  }

  /** Nobody leaves any more who has not been stopped already. */
  end(): void {
    this.isOver = true;
  }

  expand(): void {
    this.next(async () => {
      const { cluster, admin } = this;
      const { output } = await admin.insist({ prefix: 'osd new', uuid: cluster.nextUuid });
      await cluster.startNewOsd(Number(output.toString()));
    });
  }

  drain(id: number, isPolite: boolean): void {
    this.next(async () => {
      if (!this.mayLeave(id)) return;
      await this.admin.asked({ prefix: 'osd out', ids: [String(id)] });
      if (!(await this.isEmptied(id))) {
        await this.admin.asked({ prefix: 'osd in', ids: [String(id)] });
        return;
      }
      await this.stop(id, isPolite);
      if (await this.isPurged(id)) {
        this.cluster.removeMachine(id);
        return;
      }
      this.cluster.osd(id)!.isRetired = false;
      await this.cluster.startOsd(id);
      await this.admin.asked({ prefix: 'osd in', ids: [String(id)] });
    });
  }

  lose(id: number, afterMs: number): void {
    this.next(async () => {
      if (!this.mayLeave(id) || !(await this.isGone(id, afterMs))) return;
      await this.admin.insist({ prefix: 'osd lost', id, yes_i_really_mean_it: true });
      await this.admin.insist({ prefix: 'osd purge', id, force: true });
    });
  }

  renew(id: number, afterMs: number): void {
    this.next(async () => {
      const { cluster, admin } = this;
      if (!cluster.osd(id) || !(await this.isGone(id, afterMs))) return;
      await admin.insist({ prefix: 'osd destroy', id, force: true });
      await admin.insist({ prefix: 'osd new', uuid: cluster.nextUuid, id });
      await cluster.startNewOsd(id);
    });
  }

  private next(act: () => Promise<void>): void {
    this.last = this.last.then(() => (this.isOver ? undefined : act()));
    this.admin.run(this.last);
  }

  /** Those who stay are enough for every pool. */
  private mayLeave(id: number): boolean {
    const { cluster } = this;
    const most = Math.max(...cluster.options.pools.map((p) => p.size));
    return cluster.osd(id) !== undefined && cluster.osds.length > most;
  }

  /** Nothing that it holds is needed any more, as the monitor says. */
  private async isEmptied(id: number): Promise<boolean> {
    const { timeline } = this.cluster;
    const untilMs = timeline.now + EMPTY_MS;
    while (!this.isOver && timeline.now < untilMs) {
      await timeline.sleep(LOOK_MS);
      if (await this.admin.asked({ prefix: 'osd safe-to-destroy', ids: [String(id)] })) return true;
    }
    return false;
  }

  private async stop(id: number, isPolite: boolean): Promise<void> {
    const { cluster } = this;
    const machine = cluster.osd(id)!;
    machine.isRetired = true;
    if (isPolite) {
      void machine.osd?.close();
      await cluster.timeline.sleep(GOODBYE_MS);
    }
    machine.kill();
  }

  /** The monitor looks once more whether it is needed; then it is not given up. */
  private async isPurged(id: number): Promise<boolean> {
    const { timeline } = this.cluster;
    const untilMs = timeline.now + PURGE_MS;
    for (;;) {
      await this.admin.asked({ prefix: 'osd down', ids: [String(id)] });
      if (await this.admin.settle({ prefix: 'osd purge', id })) return true;
      if (timeline.now >= untilMs) return false;
      await timeline.sleep(LOOK_MS);
    }
  }

  /**
   * A machine goes while all others hold everything: one copy of everything may go then.
   * @returns whether it has gone, and the map says that its OSD is down
   */
  private async isGone(id: number, afterMs: number): Promise<boolean> {
    const { cluster, admin } = this;
    if (!isAllClean(cluster)) return false;
    cluster.removeMachine(id);
    await cluster.timeline.sleep(afterMs);
    for (;;) {
      await admin.insist({ prefix: 'osd down', ids: [String(id)] });
      if (cluster.monitor?.state().osdmap.isUp(id) === false) return true;
      await cluster.timeline.sleep(LOOK_MS);
    }
  }
}
