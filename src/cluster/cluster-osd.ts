import { hostname } from 'node:os';
import { CephError } from '../errors/index.ts';
import { type Osd, startOsd } from '../osd/index.ts';
import type { Runtime } from '../runtime/index.ts';
import type { EntityAddr } from '../wire/index.ts';
import type { OsdName } from './faults/faults.ts';
import type { FaultyNetwork } from './faults/faulty-network.ts';
import type { OsdHome } from './osd-home.ts';
import { osdThreads } from './osd-threads.ts';

/** What an OSD of a cluster in this process is made of. */
export interface OsdParts {
  readonly id: number;
  readonly fsid: string;
  readonly host: string;
  readonly clusterHost: string | undefined;
  readonly home: OsdHome;
  readonly shards: number;
  readonly sizeBytes: number;
  readonly path: string | undefined;
  monAddrs(): EntityAddr[];
  /** The world as the next life of the OSD has it. */
  runtime(): { runtime: Runtime; network: FaultyNetwork | undefined };
  /** Resolves when every PG is whole on another OSD. */
  awaitSpareCopies(id: number, timeoutMs: number | undefined): Promise<void>;
  /** Gives the OSD a new name for new data: the old ones are given up. @returns the uuid */
  renew(id: number): Promise<string>;
  /** Makes the cluster forget the OSD. */
  forget(id: number): Promise<void>;
}

type Life =
  | { readonly is: 'down' }
  | { readonly is: 'running'; readonly osd: Osd; readonly network: FaultyNetwork | undefined }
  | { readonly is: 'removed' };

/** An OSD of a cluster in this process: it can be killed, started again, replaced and removed. */
export class ClusterOsd {
  readonly id: number;
  readonly name: OsdName;
  private readonly parts: OsdParts;
  private life: Life = { is: 'down' };
  private lastAddr: EntityAddr | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(parts: OsdParts) {
    this.parts = parts;
    this.id = parts.id;
    this.name = `osd.${parts.id}`;
  }

  get isRunning(): boolean {
    return this.life.is === 'running';
  }

  /** Where clients and peers reach it, or reached it last. */
  get addr(): EntityAddr {
    if (!this.lastAddr) throw new CephError('ENOTCONN', `${this.name} never ran`);
    return this.lastAddr;
  }

  /**
   * Starts it on the data that it has. Resolves when the cluster's map shows it up; at once when it runs.
   * @throws CephError ENOENT when it was removed, EOPNOTSUPP when its data were in memory of threads that ended, ESHUTDOWN
   *   when it is ended before it is up
   */
  async start(): Promise<void> {
    await (await this.launch()).booted;
  }

  /** Starts it, unless it runs, and does not wait until it is up. @internal */
  launch(): Promise<Osd> {
    return this.inTurn(async () => (this.life.is === 'running' ? this.life.osd : this.begin()));
  }

  /** One life begins or ends at a time: of two on the same data one would lose what the other acknowledges. */
  private inTurn<T>(what: () => Promise<T>): Promise<T> {
    const done = this.turn.then(what);
    this.turn = done.catch(() => {}); // whoever asked for it is told
    return done;
  }

  private async begin(): Promise<Osd> {
    if (this.life.is === 'removed') throw new CephError('ENOENT', `${this.name} was removed`);
    const { id, fsid, host, clusterHost, home, shards: count, path, sizeBytes } = this.parts;
    if (home.isFleeting && this.lastAddr) {
      const what = `the data of ${this.name} were in memory of threads that ended`;
      throw new CephError('EOPNOTSUPP', what);
    }
    const { store, uuid } = await home.open();
    const shards = osdThreads(count, { id, fsid, uuid, place: { path, uuid, sizeBytes } });
    const { runtime, network } = this.parts.runtime();
    const osd = await startOsd({
      runtime,
      id,
      fsid,
      uuid,
      store,
      ...(shards ? { shards } : {}),
      monAddrs: this.parts.monAddrs(),
      host,
      ...(clusterHost ? { clusterHost } : {}),
      port: 0,
      hostname: hostname(),
    }).catch(async (e: unknown) => {
      await store.close(); // or nobody could start it again
      throw e;
    });
    this.lastAddr = osd.addr;
    this.life = { is: 'running', osd, network };
    return osd;
  }

  /** Stops it cleanly: it tells the monitor. Nothing happens to one that is down. */
  stop(): Promise<void> {
    return this.inTurn(async () => {
      if (this.life.is !== 'running') return;
      const { osd } = this.life;
      this.life = { is: 'down' };
      await osd.close();
    });
  }

  /**
   * Ends it as SIGKILL would: no goodbye. In a cluster with faults, writes that its disk was not given yet are lost too.
   * Nothing happens to one that is down.
   */
  kill(): Promise<void> {
    return this.inTurn(() => this.endAtOnce());
  }

  private async endAtOnce(): Promise<void> {
    if (this.life.is !== 'running') return;
    const { osd, network } = this.life;
    this.life = { is: 'down' };
    if (!network) return osd.kill();
    // What the OSD still does while it is taken down is of no consequence; some of its calls never return.
    const disk = this.parts.home.killed();
    osd.kill().catch(() => {});
    await network.kill();
    await disk;
  }

  /** Kills it if it runs, and starts it. Resolves when the cluster's map shows it up. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /**
   * Gives it an empty disk in the place of the one it has, as somebody does whose disk broke: the old data are gone, and
   * the cluster copies what belongs there. Waits until they are whole elsewhere, so that one OSD after the other can be
   * replaced. Resolves when it is up again.
   * @param options `isForced`: it does not wait, whatever only this OSD has
   * @throws CephError ETIMEDOUT when only it has all of some PG for `timeoutMs` (an hour, unless it is said)
   */
  async replace(options: { isForced?: boolean; timeoutMs?: number } = {}): Promise<void> {
    if (this.life.is === 'removed') throw new CephError('ENOENT', `${this.name} was removed`);
    if (!options.isForced) await this.parts.awaitSpareCopies(this.id, options.timeoutMs);
    await this.kill();
    await this.parts.home.empty(await this.parts.renew(this.id));
    await this.start();
  }

  /** Takes it out of the cluster for good; what it held is copied from others. Nothing happens to one that was removed. */
  async remove(): Promise<void> {
    if (this.life.is === 'removed') return;
    await this.stop();
    await this.parts.forget(this.id);
    this.life = { is: 'removed' };
  }
}
