import { ERRNO } from '../../errors/index.ts';
import { OSDMAP_FLAG, type OSDMap, POOL_FLAG } from '../../maps/index.ts';
import type { IncomingMessage } from '../../msgr/index.ts';
import type { BufferPool, Clock } from '../../runtime/index.ts';
import { OSD_FLAG, type OSDOp, type PgId, readOSDOp } from '../../wire/index.ts';
import { classify, type OpLimits } from '../ops/index.ts';
import type { Pg } from '../pg/pg.ts';
import {
  ClientRequest,
  copySourceOf,
  oidOf,
  onlyRemoves,
  type Requester,
  type RequestHost,
  reqidOf,
  sendReply,
} from '../requests/client-ops.ts';
import { type ClientOp, type OpAnswer, refusal } from '../requests/client-request.ts';
import type { OpenOps } from '../requests/open-ops.ts';
import type { CopyFetcher } from './copy-fetcher.ts';

/** What the gate needs of the daemon. */
export interface ClientGateHost {
  readonly id: number;
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly limits: OpLimits;
  readonly map: OSDMap | undefined;
  readonly epoch: number;
  /** The map shows us up, and we are not on our way down. */
  readonly isServing: boolean;
  pg(pgid: PgId): Pick<Pg, 'isPrimary' | 'submitOp' | 'since'> | undefined;
  /**
   * The PG is not here, but will be: what its last stay left behind is still being removed, or its turn to be split or
   * merged has not come.
   */
  isComing(pgid: PgId): boolean;
  /** A request speaks of a map that we do not have. */
  wantMap(epoch: number): void;
  /** A client had an old map when it sent its request: it is told what has changed since, once. */
  shareMaps(by: Requester, epoch: number): void;
  answered(op: ClientOp, a: OpAnswer): void;
}

interface Arrival {
  readonly by: Requester;
  readonly message: IncomingMessage;
  readonly op: OSDOp;
  /** By the monotonic clock. */
  readonly startedMs: number;
}

/**
 * Decides what becomes of a client's request before its PG sees it: it goes on, is refused, waits for a newer map, for
 * a flag to go or for its PG to begin, or is forgotten because the client will send it elsewhere. What waits counts
 * against its connection's throttle and keeps its order.
 */
export class ClientGate {
  private readonly host: ClientGateHost;
  private readonly copies: CopyFetcher;
  private readonly requests: RequestHost;
  private held: Arrival[] = [];
  /** Requests whose source is still being read. */
  private readonly fetching = new Set<ClientRequest>();
  /** Clients whose requests were forgotten, with the epoch they had. */
  private readonly behind = new Map<Requester, number>();

  constructor(host: ClientGateHost, copies: CopyFetcher) {
    this.host = host;
    this.copies = copies;
    this.requests = {
      pool: host.pool,
      epoch: () => host.epoch,
      answered: (o, answer) => host.answered(o, answer),
      dropped: (by, epoch) => this.behind.set(by, epoch),
      isFenced: (by) => this.isFenced(by),
    };
  }

  get heldCount(): number {
    return this.held.length;
  }

  /** @throws DecodeError */
  submit(by: Requester, message: IncomingMessage): void {
    const startedMs = this.host.clock.monotonicMs();
    this.route({ by, message, op: readOSDOp(message), startedMs });
  }

  /** Requests that no PG has yet. */
  open(): OpenOps {
    const held = this.held.map(({ by, message, op, startedMs }) => ({
      oid: oidOf(op),
      reqid: reqidOf(op, by, message.tid),
      request: { op },
      startedMs,
    }));
    return { point: 'delayed', ops: [...held, ...this.fetching] };
  }

  /** A map came or a PG can begin: what waited is looked at again, in the order it came. */
  retry(): void {
    for (const a of this.held.splice(0)) this.route(a);
    for (const [client, epoch] of this.behind) this.host.shareMaps(client, epoch);
    this.behind.clear();
  }

  /** The session is gone: its client sends again what was not answered. */
  forget(by: Requester): void {
    // Released, although nobody counts them any more: the front keeps what it has given to another thread until then.
    for (const a of this.held) if (a.by === by) a.message.release();
    this.held = this.held.filter((a) => a.by !== by);
    this.behind.delete(by);
  }

  /** The monitor has told all that this client must not change anything any more. */
  isFenced(by: Requester): boolean {
    const { map } = this.host;
    if (!map || map.data.blocklist.length === 0) return false;
    return by.peerAddrs.some((a) => map.isBlocklisted(a));
  }

  private route(a: Arrival): void {
    if (!this.admit(a)) a.message.release();
  }

  /** @returns false when nothing more comes of it here */
  private admit(a: Arrival): boolean {
    const { host } = this;
    const { by, message: m, op, startedMs } = a;
    const { pgid } = op.pgid;
    const { map, epoch } = host;
    if (op.epoch > epoch) {
      if (this.held.length === 0) host.wantMap(op.epoch);
      return this.hold(a);
    }
    if (!map || !host.isServing) {
      this.behind.set(by, op.epoch);
      return false;
    }
    if (op.epoch < epoch) host.shareMaps(by, op.epoch);
    const pool = map.pool(pgid.pool);
    const pg = host.pg(pgid);
    // The client will learn better from the map, and send again.
    if (!pool) return false;
    if (!pg?.isPrimary) {
      const begins = !pg && host.isComing(pgid);
      return begins && map.pgToUpActing(pgid).actingPrimary === host.id && this.hold(a);
    }
    if (this.isFenced(by)) return this.refuse(a, -ERRNO.ESHUTDOWN);
    const request = { op, data: m.data, reqid: { name: by.peer, tid: BigInt(m.tid), inc: 0 } };
    const kind = classify(request, host.limits);
    if (typeof kind === 'number') return this.refuse(a, kind);
    // In an older interval the PG may have had other objects.
    if (kind === 'pg' ? op.epoch < pg.since : !hasObject(map, op)) return false;
    const verdict = whatFlagsSay(map, pool.flags, op, kind === 'write');
    if (verdict === 'hold') return this.hold(a);
    if (verdict < 0) return this.refuse(a, verdict);
    const made = new ClientRequest(by, m, op, kind, startedMs, this.requests);
    const source = kind === 'write' ? copySourceOf(op, m.data) : undefined;
    if (!source) {
      pg.submitOp(made);
      return true;
    }
    made.copy = this.copies.fetch(source);
    this.fetching.add(made);
    const submit = (): void => {
      this.fetching.delete(made);
      const now = host.pg(pgid);
      if (now?.isPrimary && host.map && hasObject(host.map, op)) {
        now.submitOp(made);
        return;
      }
      // The map by which it is another's, be it that the PG was split, has come already.
      made.drop();
      host.shareMaps(by, op.epoch);
    };
    made.copy.then(submit, submit);
    return true;
  }

  private hold(a: Arrival): true {
    a.message.hold();
    this.held.push(a);
    return true;
  }

  private refuse({ by, message, op }: Arrival, result: number): false {
    sendReply(by, message.tid, op, this.host.epoch, refusal(result));
    return false;
  }
}

/** Is the request's object in the PG that it names? */
function hasObject(map: OSDMap, { pgid: { pgid }, hash }: OSDOp): boolean {
  return map.rawPgToPg(pgid.pool, hash)?.seed === pgid.seed;
}

/** What the map's and the pool's flags say to a request: an errno refuses it, 0 lets it pass. */
function whatFlagsSay(
  map: OSDMap,
  poolFlags: number,
  op: OSDOp,
  isWrite: boolean,
): 'hold' | number {
  if (map.hasFlag(isWrite ? OSDMAP_FLAG.pausewr : OSDMAP_FLAG.pauserd)) return 'hold';
  if (!isWrite || (op.flags & OSD_FLAG.FULL_FORCE) !== 0) return 0;
  const isFull = map.hasFlag(OSDMAP_FLAG.full) || (poolFlags & POOL_FLAG.full) !== 0;
  // Source: the check for fullness in PrimaryLogPG::prepare_transaction (16.2), which looks at what would be added.
  if (!isFull || onlyRemoves(op)) return 0;
  if ((op.flags & OSD_FLAG.FULL_TRY) === 0) return 'hold';
  return (poolFlags & POOL_FLAG.full_quota) !== 0 ? -ERRNO.EDQUOT : -ERRNO.ENOSPC;
}
