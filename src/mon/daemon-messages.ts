import type { IncomingMessage } from '../msgr/index.ts';
import {
  decodeFront,
  formatAddrVec,
  LOG_PRIORITY,
  type MessageOf,
  MOSDAlive,
  MOSDBoot,
  MOSDFailure,
  MOSDMarkMeDown,
  MOSDPGReadyToMerge,
  MOSDPGTemp,
  MPGStats,
  MPGStatsAck,
  outgoing,
} from '../wire/index.ts';
import type { LogLine } from './change.ts';
import type { MonContext } from './context.ts';
import { decideBoot } from './services/osd-boot.ts';
import { isRefusal } from './services/osd-failure.ts';
import { markDown } from './services/osd-state.ts';
import { decideMerge } from './services/pg-merge.ts';
import type { Session } from './session.ts';

type Handler = (mon: MonContext, session: Session, m: IncomingMessage) => void;

/** Messages of our own OSDs. Each speaks for itself alone: what it says in another's name is ignored. */
export const daemonHandlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [MOSDBoot.type, (mon, s, m) => boot(mon, s, decodeFront(MOSDBoot, m))],
  [MOSDMarkMeDown.type, (mon, s, m) => markMeDown(mon, s, decodeFront(MOSDMarkMeDown, m))],
  [MOSDFailure.type, (mon, s, m) => failure(mon, s, decodeFront(MOSDFailure, m))],
  [MOSDAlive.type, (mon, s, m) => alive(mon, s, decodeFront(MOSDAlive, m))],
  [MOSDPGTemp.type, (mon, s, m) => pgTemp(mon, s, decodeFront(MOSDPGTemp, m))],
  [MOSDPGReadyToMerge.type, (mon, s, m) => merge(mon, s, decodeFront(MOSDPGReadyToMerge, m))],
  [MPGStats.type, (mon, s, m) => pgStats(mon, s, decodeFront(MPGStats, m), m.tid)],
]);

export function clusterLine(priority: keyof typeof LOG_PRIORITY, text: string): LogLine {
  return { priority: LOG_PRIORITY[priority], channel: 'cluster', text };
}

/** Looks at a boot again after each change it made, until the OSD is up or refused. */
function boot(mon: MonContext, session: Session, m: MessageOf<typeof MOSDBoot>): void {
  if (session.osd !== m.osd) return;
  const decision = decideBoot(mon.head(), m, session.connection.features);
  switch (decision.kind) {
    case 'refused':
      mon.runtime.log('warn', 'boot refused', { osd: m.osd, reason: decision.reason });
      mon.afterAll(() => sendMapsSince(mon, session, m.epoch));
      return;
    case 'booted':
      mon.afterAll(() => sendMapsSince(mon, session, m.epoch));
      return;
    case 'change':
      mon.failures.forget(m.osd);
      mon.runtime.log('info', 'OSD boots', { osd: m.osd });
      mon.propose(
        decision.change.osdmap?.newUpClient
          ? {
              ...decision.change,
              log: [clusterLine('info', `osd.${m.osd} ${formatAddrVec(m.publicAddrs)} boot`)],
            }
          : decision.change,
      );
      return boot(mon, session, m);
  }
}

/** The maps that an OSD lacks, unless its subscription has brought them already. */
function sendMapsSince(mon: MonContext, session: Session, epoch: number): void {
  if (session.subscriptions.has('osdmap')) return;
  for (const message of mon.feed.osdMaps(epoch + 1)) session.connection.send(message);
}

function markMeDown(mon: MonContext, session: Session, m: MessageOf<typeof MOSDMarkMeDown>): void {
  const { osdmap, fsid } = mon.head();
  if (m.fsid !== fsid || session.osd !== m.osd) return;
  const answer = (): void => sendMapsSince(mon, session, m.epoch);
  if (!osdmap.isUp(m.osd)) return mon.afterAll(answer);
  mon.failures.forget(m.osd);
  const log = [clusterLine('info', `osd.${m.osd} marked itself down`)];
  mon.propose({ osdmap: markDown(osdmap, [m.osd], true), log }, answer);
}

function failure(mon: MonContext, session: Session, m: MessageOf<typeof MOSDFailure>): void {
  if (session.osd !== m.reporter) return;
  const state = mon.head();
  if (!mon.failures.accuse(state, m)) return;
  mon.failures.forget(m.osd);
  mon.runtime.log('info', 'OSD failed', { osd: m.osd, reporter: m.reporter, reason: m.reason });
  mon.propose({
    osdmap: markDown(state.osdmap, [m.osd], isRefusal(m)),
    log: [clusterLine('info', `osd.${m.osd} failed (${m.reason}, reported by osd.${m.reporter})`)],
  });
}

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
  const { osdmap, fsid } = mon.head();
  if (m.fsid !== fsid || session.osd === undefined) return;
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
