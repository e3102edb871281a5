import { CephError, errnoName } from '../errors/index.ts';
import {
  type Connection,
  createMessenger,
  type Dispatcher,
  type Messenger,
} from '../msgr/index.ts';
import type { Runtime } from '../runtime/index.ts';
import { ENTITY, type EntityAddr, POOL_OP } from '../wire/index.ts';
import type { CallOptions } from './abort.ts';
import { type CommandResult, MonClient } from './mon-client.ts';
import { Objecter } from './objecter/objecter.ts';
import { OsdTell } from './osd-tell.ts';
import { Pool } from './pool.ts';

export interface RadosOptions {
  readonly monAddrs: readonly EntityAddr[];
  /** Entity to present, default client.admin. */
  readonly name?: string;
}

export interface ClusterStats {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly objects: number;
}

/** A pool as the newest map that this client has shows it. */
export interface PoolInfo {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly minSize: number;
  readonly pgNum: number;
}

/** A connected client. Holds one monitor session and one connection per OSD it talks to. */
export class Rados implements AsyncDisposable {
  private readonly messenger: Messenger;
  private readonly mon: MonClient;
  private readonly objecter: Objecter;
  private readonly tells: OsdTell;

  private constructor(runtime: Runtime, options: RadosOptions) {
    const name = options.name ?? 'client.admin';
    const dot = name.indexOf('.');
    if (name.slice(0, dot) !== 'client')
      throw new CephError('EINVAL', `'${name}' is not a client's name`);
    const dispatcher: Dispatcher = {
      onReady: (c) => this.mon.owns(c) && this.mon.onReady(c),
      onMessage: (c, m) => {
        if (this.mon.owns(c)) this.mon.onMessage(m);
        else if (this.tells.owns(c)) this.tells.onMessage(m);
        else this.objecter.onMessage(c, m);
      },
      onReset: (c: Connection) => {
        if (this.mon.owns(c)) this.mon.onReset();
        else if (this.tells.owns(c)) this.tells.onReset(c);
        else this.objecter.onReset(c);
      },
    };
    this.messenger = createMessenger(runtime, {
      name: { type: ENTITY.client, num: -1 },
      authName: { type: ENTITY.client, id: name.slice(dot + 1) },
      dispatcher,
    });
    this.mon = new MonClient(runtime, this.messenger, options.monAddrs);
    this.objecter = new Objecter(runtime, this.messenger, this.mon);
    this.tells = new OsdTell(runtime, this.messenger);
  }

  /** Resolves when the client has the cluster's map. @throws CephError ETIMEDOUT with `timeoutMs` */
  static async connect(
    runtime: Runtime,
    options: RadosOptions,
    call?: CallOptions,
  ): Promise<Rados> {
    const rados = new Rados(runtime, options);
    rados.mon.open();
    try {
      await rados.objecter.waitForMap(1, call);
    } catch (e) {
      await rados.close();
      throw e;
    }
    return rados;
  }

  get fsid(): string {
    return this.mon.fsid;
  }
  /** Our id in this cluster, given by the monitor. */
  get globalId(): number {
    return this.messenger.globalId;
  }
  /** Epoch of the newest OSD map this client has. */
  get epoch(): number {
    return this.objecter.map!.data.epoch;
  }

  pools(): PoolInfo[] {
    const { pools, poolNames } = this.objecter.map!.data;
    return [...pools].map(([id, p]) => ({
      id,
      name: poolNames.get(id) ?? '',
      size: p.size,
      minSize: p.minSize,
      pgNum: p.pgNum,
    }));
  }

  /** The pool of that name, looked up in the newest map when ours lacks it. @throws CephError ENOENT */
  async pool(name: string, options?: CallOptions): Promise<Pool> {
    const find = (): PoolInfo | undefined => this.pools().find((p) => p.name === name);
    if (!find()) await this.refresh(options);
    const found = find();
    if (!found) throw new CephError('ENOENT', `pool '${name}' does not exist`);
    return new Pool(this.objecter, this.mon, found.id, name, '');
  }

  /** Brings our map to the newest. */
  async refresh(options?: CallOptions): Promise<void> {
    await this.objecter.waitForMap(await this.mon.newestVersion('osdmap', options), options);
  }

  /** @throws CephError EEXIST and the like */
  async createPool(
    name: string,
    options?: CallOptions & { pgNum?: number; size?: number; application?: string },
  ): Promise<Pool> {
    if (this.pools().some((p) => p.name === name)) {
      throw new CephError('EEXIST', `pool '${name}' already exists`);
    }
    const create = {
      prefix: 'osd pool create',
      pool: name,
      pg_num: options?.pgNum,
      size: options?.size,
    };
    await this.command(create, options);
    if (options?.application) {
      const enable = {
        prefix: 'osd pool application enable',
        pool: name,
        app: options.application,
      };
      await this.command(enable, options);
    }
    return this.pool(name, options);
  }

  /** Deletes a pool and all it holds. @throws CephError ENOENT; EPERM unless mon_allow_pool_delete */
  async deletePool(name: string, options?: CallOptions): Promise<void> {
    const pool = await this.pool(name, options);
    const { epoch } = await this.mon.poolOp(
      POOL_OP.delete,
      { id: pool.id, name: 'delete' },
      options,
    );
    await this.objecter.waitForMap(epoch, options);
  }

  async stats(options?: CallOptions): Promise<ClusterStats> {
    const { st } = await this.mon.statfs(undefined, options);
    return {
      totalBytes: Number(st.kb) * 1024,
      usedBytes: Number(st.kbUsed) * 1024,
      availableBytes: Number(st.kbAvail) * 1024,
      objects: Number(st.numObjects),
    };
  }

  /**
   * A command as the `ceph` tool sends it: `{ prefix: 'osd pool ls' }`. With `format: 'json'` the output is JSON text.
   * @throws CephError with the command's errno and status text
   */
  async command(
    cmd: { prefix: string } & Record<string, unknown>,
    options?: CallOptions & { input?: Uint8Array },
  ): Promise<CommandResult> {
    const r = await this.mon.command(cmd, options?.input, options);
    if (r.result < 0)
      throw new CephError(r.result, r.status || `${cmd.prefix}: ${errnoName(r.result)}`);
    return r;
  }

  /**
   * A command to one OSD, as `ceph tell osd.N` sends it.
   * @throws CephError ENXIO when it is not up, ENOENT and the like as the OSD answers
   */
  async tell(
    osd: number,
    cmd: { prefix: string } & Record<string, unknown>,
    options?: CallOptions,
  ): Promise<CommandResult> {
    const map = this.objecter.map!;
    const [addr] = map.isUp(osd) ? map.addrs(osd) : [];
    if (!addr) throw new CephError('ENXIO', `osd.${osd} is not up`);
    const r = await this.tells.ask(addr, this.fsid, cmd, options);
    if (r.result < 0)
      throw new CephError(r.result, r.status || `osd.${osd}: ${errnoName(r.result)}`);
    return r;
  }

  async close(): Promise<void> {
    this.objecter.close();
    this.tells.close();
    this.mon.close();
    await this.messenger.shutdown();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
