import { formatHObject, formatPgId, osdOpName } from '../../wire/index.ts';
import type { OpPoint, SeenRequest } from '../requests/open-ops.ts';

/** A client's request as commands show it. Times by the shard's monotonic clock. */
export interface OpRecord {
  readonly description: string;
  /** `client.4123`. */
  readonly client: string;
  readonly tid: number;
  readonly pool: number;
  readonly startedMs: number;
  /** When it was answered; undefined while it is under way. */
  readonly endedMs: number | undefined;
  readonly point: OpPoint;
}

/** What is shown of a request. Nothing of it is kept: its memory may be used for another. */
export function recordOf(op: SeenRequest, point: OpPoint, endedMs?: number): OpRecord {
  const { name, inc, tid } = op.reqid;
  const client = `${name.type === 8 ? 'client' : 'osd'}.${name.num}`;
  const { op: asked } = op.request;
  const pgid = formatPgId(asked.pgid.pgid);
  const ops = asked.ops.map(({ code }) => osdOpName(code).toLowerCase()).join(',');
  return {
    description: `osd_op(${client}.${inc}:${tid} ${pgid} ${formatHObject(op.oid)} [${ops}] e${asked.epoch})`,
    client,
    tid: Number(tid),
    pool: asked.pgid.pgid.pool,
    startedMs: op.startedMs,
    endedMs,
    point,
  };
}
