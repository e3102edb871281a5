import type { Connection } from '../../msgr/index.ts';
import {
  BACKOFF_OP,
  compareHObject,
  formatPgId,
  type HObject,
  type MessageOf,
  MOSDBackoff,
  outgoing,
  SNAP_HEAD,
} from '../../wire/index.ts';
import { type Carrier, type Request, requestMessage } from './request.ts';

/** Objects from `begin` up to but without `end`. */
interface Range {
  readonly begin: HObject;
  readonly end: HObject;
}

/** A connection to one OSD, what waits for its answers, and the objects it wants to hear nothing of for now. */
export class OsdSession implements Carrier {
  readonly osd: number;
  /** The address as text: a restarted OSD has another one. */
  readonly address: string;
  readonly connection: Connection;
  private readonly requests = new Map<number, Request>();
  private readonly backoffs = new Map<string, Range>();

  constructor(osd: number, address: string, connection: Connection) {
    this.osd = osd;
    this.address = address;
    this.connection = connection;
  }

  /** Nobody waits for an answer. */
  get isIdle(): boolean {
    return this.requests.size === 0;
  }

  /** Sends a request that has its place, or keeps it until the OSD wants it. */
  carry(r: Request, epoch: number): void {
    r.carrier = this;
    this.requests.set(r.tid, r);
    if (!this.isHeldBack(r)) this.send(r, epoch);
  }

  /** No answer to this one is awaited any more. */
  drop(tid: number): void {
    this.requests.delete(tid);
  }

  /** Lets go of all it carries: they wait to be routed again. */
  abandon(): void {
    for (const r of this.requests.values()) r.carrier = undefined;
    this.requests.clear();
  }

  /** The OSD asks to be left alone about a range of objects, or wants them again. */
  onBackoff(b: MessageOf<typeof MOSDBackoff>, epoch: number): void {
    const key = `${formatPgId(b.pgid.pgid)}/${b.id}`;
    if (b.op === BACKOFF_OP.block) {
      this.backoffs.set(key, { begin: b.begin, end: b.end });
      this.connection.send(outgoing(MOSDBackoff, { ...b, op: BACKOFF_OP.ackBlock }));
    } else if (b.op === BACKOFF_OP.unblock && this.backoffs.delete(key)) {
      for (const r of this.requests.values()) {
        if (isWithin(r, b) && !this.isHeldBack(r)) this.send(r, epoch);
      }
    }
  }

  private send(r: Request, epoch: number): void {
    this.connection.send(requestMessage(r, epoch, r.attempts++));
  }

  private isHeldBack(r: Request): boolean {
    if (this.backoffs.size === 0) return false;
    for (const range of this.backoffs.values()) if (isWithin(r, range)) return true;
    return false;
  }
}

function isWithin(r: Request, range: Range): boolean {
  const oid: HObject = {
    key: r.target.key,
    name: r.target.name,
    snap: SNAP_HEAD,
    hash: r.placement!.hash,
    max: false,
    namespace: r.target.namespace,
    pool: r.target.pool,
  };
  return compareHObject(oid, range.begin) >= 0 && compareHObject(oid, range.end) < 0;
}
