import { decodeAll } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { MonMap } from '../maps/index.ts';
import type { Connection, IncomingMessage, Messenger } from '../msgr/index.ts';
import type { Runtime, Timer } from '../runtime/index.ts';
import {
  ADDR,
  decodeFront,
  ENTITY,
  type EntityAddr,
  MConfig,
  type MessageOf,
  MGetPoolStats,
  MGetPoolStatsReply,
  MMgrMap,
  MMonCommand,
  MMonCommandAck,
  MMonGetVersion,
  MMonGetVersionReply,
  MMonMap,
  MMonSubscribe,
  MOSDMap,
  MPoolOp,
  MPoolOpReply,
  MStatfs,
  MStatfsReply,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  SUBSCRIBE_ONETIME,
  UUID_ZERO,
} from '../wire/index.ts';
import { type CallOptions, Pending } from './abort.ts';

/** The answer of a monitor or daemon to a command. `result` is 0 or a negative errno. */
export interface CommandResult {
  readonly result: number;
  readonly status: string;
  readonly output: Buffer;
}

interface Request {
  readonly key: string;
  readonly send: (c: Connection) => void;
  readonly answer: (m: IncomingMessage) => void;
  readonly pending: Pending<unknown>;
}

const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 3_000;

/**
 * The session with a monitor: map subscriptions and requests. It outlives connections: when one breaks the next monitor
 * is dialled, what is subscribed is asked for again from where it stood, and open requests are sent again.
 */
export class MonClient {
  fsid = UUID_ZERO;
  mgrMap: MessageOf<typeof MMgrMap> | undefined;
  /** Called with all that the monitor has in its configuration for us, whenever that changes. */
  onConfig: (config: ReadonlyMap<string, string>) => void = () => {};
  /** Called with every MOSDMap, in order of arrival. */
  onOsdMap: (m: MessageOf<typeof MOSDMap>) => void = () => {};
  onMgrMap: () => void = () => {};
  private readonly runtime: Runtime;
  private readonly messenger: Messenger;
  private addrs: EntityAddr[];
  private next = 0;
  private connection: Connection | undefined;
  private redial: Timer | undefined;
  private backoffMs = BACKOFF_FIRST_MS;
  private closed = false;
  private tid = 0;
  private readonly requests = new Map<string, Request>();
  /** What is asked for: the first version we lack. Removed when a one-time answer came. */
  private readonly wanted = new Map<string, { start: number; flags: number }>();

  constructor(runtime: Runtime, messenger: Messenger, addrs: readonly EntityAddr[]) {
    this.runtime = runtime;
    this.messenger = messenger;
    this.addrs = [...addrs];
    this.next = runtime.random.below(this.addrs.length);
    for (const what of ['monmap', 'config', 'mgrmap'])
      this.wanted.set(what, { start: 0, flags: 0 });
  }

  open(): void {
    const addr = this.addrs[this.next++ % this.addrs.length]!;
    this.connection = this.messenger.connect({ type: ENTITY.mon, addrs: [addr] });
  }

  close(): void {
    this.closed = true;
    this.redial?.cancel();
    this.connection?.close();
    const gone = new CephError('ESHUTDOWN', 'the client was closed');
    for (const r of [...this.requests.values()]) r.pending.reject(gone);
    this.requests.clear();
  }

  owns(c: Connection): boolean {
    return c === this.connection;
  }

  onReady(c: Connection): void {
    this.backoffMs = BACKOFF_FIRST_MS;
    this.sendSubscriptions(c, this.wanted);
    for (const r of this.requests.values()) r.send(c);
  }

  onReset(): void {
    this.connection = undefined;
    if (this.closed) return;
    this.redial = this.runtime.clock.setTimer(this.backoffMs, () => this.open());
    this.backoffMs = Math.min(BACKOFF_MAX_MS, this.backoffMs * 2);
  }

  onMessage(m: IncomingMessage): void {
    switch (m.type) {
      case MMonMap.type:
        return this.onMonMap(decodeFront(MMonMap, m).monmap);
      case MConfig.type:
        return this.onConfig(decodeFront(MConfig, m).config);
      case MMgrMap.type: {
        this.mgrMap = decodeFront(MMgrMap, m);
        this.advance('mgrmap', this.mgrMap.epoch);
        return this.onMgrMap();
      }
      case MOSDMap.type: {
        const maps = decodeFront(MOSDMap, m);
        this.fsid = maps.fsid;
        return this.onOsdMap(maps);
      }
      case MMonGetVersionReply.type:
        return this.answer(`version ${decodeFront(MMonGetVersionReply, m).handle}`, m);
      case MMonCommandAck.type:
      case MPoolOpReply.type:
      case MStatfsReply.type:
      case MGetPoolStatsReply.type:
        return this.answer(`tid ${m.tid}`, m);
      default:
        this.runtime.log('debug', 'unexpected message from a monitor', { type: m.type });
    }
  }

  private onMonMap(bytes: Uint8Array): void {
    const map = decodeAll(MonMap, bytes);
    this.fsid = map.fsid;
    const known = [...map.monInfo.values()].flatMap((i) =>
      i.publicAddrs.filter((a) => a.type === ADDR.msgr2),
    );
    if (known.length > 0) this.addrs = known;
    this.advance('monmap', map.epoch);
  }

  /** An answer came: a later connection asks from the version after it. */
  private advance(what: string, got: number): void {
    const w = this.wanted.get(what);
    if (w) w.start = Math.max(w.start, got + 1);
  }

  /**
   * Asks for OSD maps from `start` on; 0 is the newest full one. One answer, or a stream of them with `follow`.
   * The caller says with `gotOsdMap` what arrived.
   */
  subscribeOsdMap(start: number, follow: boolean): void {
    const flags = follow ? 0 : SUBSCRIBE_ONETIME;
    const now = this.wanted.get('osdmap');
    if (now && now.start === start && now.flags === flags) return;
    const entry = { start, flags };
    this.wanted.set('osdmap', entry);
    if (this.connection?.ready)
      this.sendSubscriptions(this.connection, new Map([['osdmap', entry]]));
  }

  gotOsdMap(epoch: number): void {
    const w = this.wanted.get('osdmap');
    if (!w) return;
    if (w.flags & SUBSCRIBE_ONETIME) {
      if (epoch >= w.start) this.wanted.delete('osdmap');
    } else this.advance('osdmap', epoch);
  }

  private sendSubscriptions(
    c: Connection,
    what: ReadonlyMap<string, { start: number; flags: number }>,
  ): void {
    const items = new Map(
      [...what].map(([k, w]) => [k, { start: BigInt(w.start), flags: w.flags }]),
    );
    c.send(outgoing(MMonSubscribe, { what: items, hostname: 'sepiola' }));
  }

  /** @throws CephError ETIMEDOUT, ESHUTDOWN, or what the signal carries */
  async command(
    cmd: object,
    input: Uint8Array | undefined,
    options?: CallOptions,
  ): Promise<CommandResult> {
    const m = await this.request('command', options, (tid) =>
      outgoing(
        MMonCommand,
        { paxos: PAXOS_ZERO, fsid: this.fsid, cmd: [JSON.stringify(cmd)] },
        { tid, data: input ? [input] : [] },
      ),
    );
    const ack = decodeFront(MMonCommandAck, m);
    return { result: ack.result, status: ack.status, output: m.data };
  }

  /** A pool operation; resolves with its epoch, errors carry the monitor's errno. */
  async poolOp(
    op: number,
    pool: { id: number; name: string; snapid?: bigint; crushRule?: number },
    options?: CallOptions,
  ): Promise<{ epoch: number; data: Uint8Array | undefined }> {
    const m = await this.request('pool operation', options, (tid) =>
      outgoing(
        MPoolOp,
        {
          paxos: PAXOS_ZERO,
          fsid: this.fsid,
          pool: pool.id,
          op,
          auid: 0n,
          snapid: pool.snapid ?? 0n,
          name: pool.name,
          oldCrushRule: 0,
          crushRule: pool.crushRule ?? -1,
        },
        { tid },
      ),
    );
    const reply = decodeFront(MPoolOpReply, m);
    if (reply.result < 0)
      throw new CephError(reply.result, `pool operation on '${pool.name}' refused`);
    return { epoch: reply.epoch, data: reply.data };
  }

  async statfs(
    pool: number | undefined,
    options?: CallOptions,
  ): Promise<MessageOf<typeof MStatfsReply>> {
    const m = await this.request('statfs', options, (tid) =>
      outgoing(MStatfs, { paxos: PAXOS_ZERO, fsid: this.fsid, pool }, { tid }),
    );
    return decodeFront(MStatfsReply, m);
  }

  async poolStats(
    pools: string[],
    options?: CallOptions,
  ): Promise<MessageOf<typeof MGetPoolStatsReply>> {
    const m = await this.request('pool stats', options, (tid) =>
      outgoing(MGetPoolStats, { paxos: PAXOS_ZERO, fsid: this.fsid, pools }, { tid }),
    );
    return decodeFront(MGetPoolStatsReply, m);
  }

  /** The newest version of a map that is durable at the monitor. */
  async newestVersion(what: 'osdmap' | 'monmap', options?: CallOptions): Promise<number> {
    const handle = ++this.tid;
    const m = await this.call(`version ${handle}`, 'version request', options, () =>
      outgoing(MMonGetVersion, { handle: BigInt(handle), what }),
    );
    return Number(decodeFront(MMonGetVersionReply, m).version);
  }

  private request(
    what: string,
    options: CallOptions | undefined,
    make: (tid: number) => Outgoing,
  ): Promise<IncomingMessage> {
    const tid = ++this.tid;
    return this.call(`tid ${tid}`, what, options, () => make(tid));
  }

  private call(
    key: string,
    what: string,
    options: CallOptions | undefined,
    make: () => Outgoing,
  ): Promise<IncomingMessage> {
    options?.signal?.throwIfAborted();
    if (this.closed) throw new CephError('ESHUTDOWN', 'the client was closed');
    const pending = new Pending<IncomingMessage>(this.runtime.clock, options, what, () =>
      this.requests.delete(key),
    );
    // Made at each sending: a request that waited for the first connection then carries the cluster's fsid.
    const send = (c: Connection): void => c.send(make());
    const answer = (m: IncomingMessage): void => pending.resolve(m);
    this.requests.set(key, { key, send, answer, pending: pending as Pending<unknown> });
    if (this.connection?.ready) send(this.connection);
    return pending.promise;
  }

  private answer(key: string, m: IncomingMessage): void {
    const r = this.requests.get(key);
    if (!r) return;
    this.requests.delete(key);
    r.answer(m);
  }
}
