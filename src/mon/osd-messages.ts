import type { IncomingMessage } from '../msgr/index.ts';
import {
  decodeFront,
  type EntityAddr,
  formatAddrVec,
  type MessageOf,
  MOSDBeacon,
  MOSDBoot,
  MOSDFailure,
  MOSDMarkMeDead,
  MOSDMarkMeDown,
  MOSDSlowOps,
} from '../wire/index.ts';
import { clusterLine } from './change.ts';
import type { MonContext } from './context.ts';
import { decideBoot } from './services/osd-boot.ts';
import { sameAddrs } from './services/osd-failure.ts';
import { markDead, markDown } from './services/osd-state.ts';
import type { Session } from './session.ts';

type Handler = (mon: MonContext, session: Session, m: IncomingMessage) => void;

/** What OSDs say of their own life and of others'. Each speaks for itself alone. */
export const osdHandlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [MOSDBoot.type, (mon, s, m) => boot(mon, s, decodeFront(MOSDBoot, m))],
  [MOSDMarkMeDown.type, (mon, s, m) => markMeDown(mon, s, decodeFront(MOSDMarkMeDown, m))],
  [MOSDMarkMeDead.type, (mon, s, m) => markMeDead(mon, s, decodeFront(MOSDMarkMeDead, m))],
  [MOSDFailure.type, (mon, s, m) => failure(mon, s, decodeFront(MOSDFailure, m))],
  [MOSDSlowOps.type, (mon, s, m) => slowOps(mon, s, decodeFront(MOSDSlowOps, m))],
  [MOSDBeacon.type, (mon, s, m) => beacon(mon, s, decodeFront(MOSDBeacon, m))],
]);

/** Looks at a boot again after each change it made, until the OSD is up or refused. */
function boot(mon: MonContext, session: Session, m: MessageOf<typeof MOSDBoot>): void {
  const { osd, newestMap } = m.superblock;
  if (session.osd !== osd) return;
  const publicAddrs = listening(session);
  const decision = decideBoot(mon.head(), m, publicAddrs);
  switch (decision.kind) {
    case 'refused':
      mon.runtime.log('warn', 'boot refused', { osd, reason: decision.reason });
      mon.afterAll(() => sendMapsSince(mon, session, newestMap));
      return;
    case 'booted':
      mon.afterAll(() => sendMapsSince(mon, session, newestMap));
      return;
    case 'change':
      mon.osdLife.failures.forget(osd);
      mon.osdLife.beacons.take(osd, mon.head().nowMs, 0);
      mon.runtime.log('info', 'OSD boots', { osd });
      mon.propose(
        decision.change.osdmap?.newUpClient
          ? {
              ...decision.change,
              log: [
                ...(decision.change.log ?? []),
                clusterLine('info', `osd.${osd} ${formatAddrVec(publicAddrs)} boot`),
              ],
            }
          : decision.change,
      );
      return boot(mon, session, m);
  }
}

/** Where a peer said that it can be reached. */
function listening({ connection }: Session): EntityAddr[] {
  return connection.peerAddrs.filter(({ port }) => port !== 0);
}

/** The maps that an OSD lacks, unless its subscription has brought them already. */
export function sendMapsSince(mon: MonContext, session: Session, epoch: number): void {
  if (session.subscriptions.has('osdmap')) return;
  for (const message of mon.feed.osdMaps(epoch + 1)) session.connection.send(message);
}

function markMeDown(mon: MonContext, session: Session, m: MessageOf<typeof MOSDMarkMeDown>): void {
  const { osdmap, fsid } = mon.head();
  if (m.fsid !== fsid || session.osd !== m.osd) return;
  const answer = (): void => sendMapsSince(mon, session, m.epoch);
  // Addresses that it no longer has: a word of a former life, that came late.
  if (!osdmap.isUp(m.osd) || !sameAddrs(osdmap.addrs(m.osd), m.addrs)) return mon.afterAll(answer);
  mon.osdLife.failures.forget(m.osd);
  const log = [clusterLine('info', `osd.${m.osd} marked itself down`)];
  if (m.isDead) log[0] = clusterLine('info', `osd.${m.osd} marked itself down and dead`);
  mon.propose({ osdmap: markDown(osdmap, [m.osd], m.isDead), log }, answer);
}

/** It was marked down by others, knows it, and has stopped to serve. Source: OSDMonitor::prepare_mark_me_dead, 16.2. */
function markMeDead(mon: MonContext, session: Session, m: MessageOf<typeof MOSDMarkMeDead>): void {
  const { osdmap, fsid } = mon.head();
  const isDown = osdmap.exists(m.osd) && !osdmap.isUp(m.osd);
  if (m.fsid !== fsid || session.osd !== m.osd || !isDown) return;
  // What it says is about the life that ended before this epoch.
  const { upFrom } = osdmap.data.osdInfo.at(m.osd)!;
  if (m.epoch < upFrom || osdmap.data.osdXInfo.at(m.osd)!.deadEpoch >= upFrom) return;
  mon.propose({ osdmap: markDead(osdmap, [m.osd]) });
}

function failure(mon: MonContext, session: Session, m: MessageOf<typeof MOSDFailure>): void {
  const reporter = session.osd;
  if (reporter === undefined) return;
  // A process that the map does not know any more has no say.
  if (!sameAddrs(mon.head().osdmap.addrs(reporter), listening(session))) return;
  const verdict = mon.osdLife.failures.take(mon.head(), reporter, m);
  if (verdict) mon.osdLife.markDown(mon, verdict.osd, verdict.text, verdict.isDead);
}

function beacon(mon: MonContext, session: Session, m: MessageOf<typeof MOSDBeacon>): void {
  const { osdmap, nowMs } = mon.head();
  const { osd } = session;
  if (osd === undefined) return;
  const isCurrent = osdmap.isUp(osd) && sameAddrs(osdmap.addrs(osd), listening(session));
  if (isCurrent) mon.osdLife.beacons.take(osd, nowMs, m.interval);
  else mon.afterAll(() => sendMapsSince(mon, session, Number(m.paxos.version)));
}

function slowOps(mon: MonContext, session: Session, m: MessageOf<typeof MOSDSlowOps>): void {
  const { osdmap, fsid } = mon.head();
  if (m.fsid !== fsid || session.osd !== m.osd || !osdmap.exists(m.osd)) return;
  const { count, oldestSeconds } = m;
  if (count > 0) mon.pgMap.slowOps.set(m.osd, { count, oldestSeconds });
  else mon.pgMap.slowOps.delete(m.osd);
}
