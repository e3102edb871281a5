import { DEFAULT_FEATURES } from '../codec/index.ts';
import { resolveConfig } from '../config/index.ts';
import {
  emptyMgrMap,
  MConfig,
  type MessageOf,
  type MgrMap,
  MLog,
  MMgrMap,
  type MMonSubscribe,
  outgoing,
  PAXOS_ZERO,
  SUBSCRIBE_ONETIME,
  utimeOfMs,
} from '../wire/index.ts';
import { logPriority, wireLogEntry } from './cluster-log.ts';
import { configSubject } from './config-subject.ts';
import type { MonContext } from './context.ts';
import type { Session } from './session.ts';
import type { MgrInfo } from './state.ts';

/** Takes a peer's wishes and answers what can be answered at once (fact sheet §4.2). */
export function subscribe(
  mon: MonContext,
  session: Session,
  m: MessageOf<typeof MMonSubscribe>,
): void {
  for (const [what, { start, flags }] of m.what) {
    const onetime = (flags & SUBSCRIBE_ONETIME) !== 0;
    session.subscriptions.set(what, { next: Number(start), onetime });
    // Asked for again, the configuration is sent again.
    if (what === 'config') session.sentConfig = undefined;
    answer(mon, session, what);
  }
}

/** Sends every session what it subscribed to and lacks. */
export function publish(mon: MonContext, what: string): void {
  for (const session of mon.sessions)
    if (session.subscriptions.has(what)) answer(mon, session, what);
}

/** Sends new lines to those who listen to the cluster log. */
export function publishLog(mon: MonContext): void {
  for (const session of mon.sessions) {
    for (const what of [...session.subscriptions.keys()]) {
      if (what.startsWith('log-')) answer(mon, session, what);
    }
  }
}

function answer(mon: MonContext, session: Session, what: string): void {
  switch (what) {
    case 'monmap':
      return answerMonMap(mon, session);
    case 'osdmap':
      return answerOsdMap(mon, session);
    case 'mgrmap':
      return answerMgrMap(mon, session);
    case 'config':
      return answerConfig(mon, session);
    default:
      return answerLog(mon, session, what);
  }
}

function answerMonMap(mon: MonContext, session: Session): void {
  const { epoch } = mon.ledger.durable.monmap;
  if (session.subscriptions.get('monmap')!.next > epoch) return;
  session.connection.send(mon.feed.monMap());
  session.answered('monmap', epoch);
}

function answerOsdMap(mon: MonContext, session: Session): void {
  const messages = mon.feed.osdMaps(session.subscriptions.get('osdmap')!.next);
  if (messages.length === 0) return;
  for (const m of messages) session.connection.send(m);
  session.answered('osdmap', mon.ledger.durable.osdmap.epoch);
}

function answerMgrMap(mon: MonContext, session: Session): void {
  const { epoch } = mon.mgr;
  if (session.subscriptions.get('mgrmap')!.next > epoch) return;
  session.connection.send(outgoing(MMgrMap, mgrMapOf(mon.mgr)));
  session.answered('mgrmap', epoch);
}

function mgrMapOf(mgr: MgrInfo): MgrMap {
  const empty = emptyMgrMap(mgr.epoch);
  if (!mgr.available) return empty;
  return {
    ...empty,
    activeAddrs: [...mgr.addrs],
    activeGid: BigInt(mgr.globalId),
    available: true,
    activeName: mgr.name,
    activeChange: utimeOfMs(mgr.startedMs),
    activeFeatures: DEFAULT_FEATURES,
  };
}

/** Stays subscribed whatever the flags say: a setting must reach everybody who ever asked. */
function answerConfig(mon: MonContext, session: Session): void {
  const { config, osdMetadata } = mon.ledger.durable;
  const settings = resolveConfig(config, configSubject({ osdMetadata }, session.authName));
  const values = new Map([...settings].map(([name, s]) => [name, s.value]));
  const text = JSON.stringify([...values]);
  if (session.sentConfig === text) return;
  session.sentConfig = text;
  session.connection.send(outgoing(MConfig, { config: values }));
}

function answerLog(mon: MonContext, session: Session, what: string): void {
  const priority = logPriority(what);
  if (priority === undefined) return;
  const entries = mon.clusterLog.since(session.subscriptions.get(what)!.next, priority);
  session.answered(what, mon.clusterLog.version);
  if (entries.length === 0) return;
  session.connection.send(
    outgoing(MLog, {
      paxos: { ...PAXOS_ZERO, version: BigInt(mon.clusterLog.version) },
      fsid: mon.ledger.durable.osdmap.fsid,
      entries: entries.map(wireLogEntry),
    }),
  );
}
