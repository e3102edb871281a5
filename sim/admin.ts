import { CephError } from '../src/errors/index.ts';
import type { SimClient, SimCluster } from './cluster.ts';

/** A command that nobody answers is given up: the monitor may be away. */
const COMMAND_MS = 20_000;

export type MonCommand = { readonly prefix: string } & Readonly<Record<string, unknown>>;

/** Somebody who gives commands to the cluster, and all that is done because of them and takes its time. */
export class Admin {
  private readonly cluster: SimCluster;
  private readonly client: SimClient;
  private readonly underWay = new Set<Promise<void>>();

  constructor(cluster: SimCluster, client: SimClient) {
    this.cluster = cluster;
    this.client = client;
  }

  /** Something that is not waited for, but at the end. */
  run(what: Promise<unknown>): void {
    const kept = what.then(() => {});
    this.underWay.add(kept);
    void kept.then(() => this.underWay.delete(kept));
  }

  /** Resolves when nothing is under way that was begun until now. */
  async idle(): Promise<void> {
    await Promise.all(this.underWay);
  }

  /** Sent once; what is refused or lost stays undone. */
  command(cmd: MonCommand): void {
    this.run(this.asked(cmd));
  }

  /**
   * Likewise.
   * @returns whether it was done, as far as we know
   * @throws CephError EINVAL: it makes no sense
   */
  async asked(cmd: MonCommand): Promise<boolean> {
    try {
      await this.client.rados.command(cmd, { timeoutMs: COMMAND_MS });
      return true;
    } catch (e) {
      if (!(e instanceof CephError) || e.code === 'EINVAL') throw e;
      this.cluster.note(`${cmd.prefix}: ${e.code}`);
      return false;
    }
  }

  /** Sent until it is answered. @throws CephError when it is refused */
  async insist(cmd: MonCommand) {
    for (;;) {
      try {
        return await this.client.rados.command(cmd, { timeoutMs: COMMAND_MS });
      } catch (e) {
        if (!(e instanceof CephError) || e.code !== 'ETIMEDOUT') throw e;
      }
    }
  }

  /** Sent until it is answered, yes or no. @returns which. @throws CephError EINVAL */
  async settle(cmd: MonCommand): Promise<boolean> {
    try {
      await this.insist(cmd);
      return true;
    } catch (e) {
      if (!(e instanceof CephError) || e.code === 'EINVAL') throw e;
      this.cluster.note(`${cmd.prefix}: ${e.code}`);
      return false;
    }
  }
}
