import type { IncomingMessage } from '../msgr/index.ts';
import {
  decodeFront,
  type MessageOf,
  MOSDAlive,
  MOSDPGReadyToMerge,
  MOSDPGTemp,
  MPGStats,
  MPGStatsAck,
  outgoing,
} from '../wire/index.ts';
import type { MonContext } from './context.ts';
import { osdHandlers, sendMapsSince } from './osd-messages.ts';
import { decideMerge } from './services/pg-merge.ts';
import type { Session } from './session.ts';

type Handler = (mon: MonContext, session: Session, m: IncomingMessage) => void;

/** Messages of our own OSDs. Each speaks for itself alone: what it says in another's name is ignored. */
export const daemonHandlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  ...osdHandlers,
  [MOSDAlive.type, (mon, s, m) => alive(mon, s, decodeFront(MOSDAlive, m))],
  [MOSDPGTemp.type, (mon, s, m) => pgTemp(mon, s, decodeFront(MOSDPGTemp, m))],
  [MOSDPGReadyToMerge.type, (mon, s, m) => merge(mon, s, decodeFront(MOSDPGReadyToMerge, m))],
  [MPGStats.type, (mon, s, m) => pgStats(mon, s, decodeFront(MPGStats, m), m.tid)],
]);

function alive(mon: MonContext, session: Session, m: MessageOf<typeof MOSDAlive>): void {
  const { osd } = session;
  if (osd === undefined) return;
  if (mon.wishes.upThru(mon.head().osdmap, osd, m)) fulfil(mon);
  else mon.afterAll(() => sendMapsSince(mon, session, Number(m.paxos.version)));
}

function pgTemp(mon: MonContext, session: Session, m: MessageOf<typeof MOSDPGTemp>): void {
  const { osd } = session;
  if (osd !== undefined && mon.wishes.noTemp(mon.head().osdmap, osd, m)) fulfil(mon);
}

/** What is asked for while a change is being written goes into one epoch after it. */
function fulfil(mon: MonContext): void {
  mon.afterAll(() => {
    const osdmap = mon.wishes.take(mon.head().osdmap);
    if (osdmap) mon.propose({ osdmap });
  });
}

function merge(mon: MonContext, session: Session, m: MessageOf<typeof MOSDPGReadyToMerge>): void {
  const { osdmap } = mon.head();
  if (session.osd === undefined) return;
  const patch = decideMerge(osdmap, session.osd, m);
  if (patch) mon.propose({ osdmap: patch });
}

function pgStats(
  mon: MonContext,
  session: Session,
  m: MessageOf<typeof MPGStats>,
  tid: number,
): void {
  const { osdmap } = mon.ledger.durable;
  if (m.fsid !== osdmap.fsid || !osdmap.exists(m.osd) || session.osd !== m.osd) return;
  mon.pgMap.report(m, (pgid) => osdmap.hasPg(pgid), mon.state().nowMs);
  session.connection.send(outgoing(MPGStatsAck, {}, { tid }));
}
