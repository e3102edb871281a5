import { CephError, ERRNO } from '../errors/index.ts';
import type { IncomingMessage } from '../msgr/index.ts';
import {
  decodeFront,
  ENTITY,
  type LogEntry,
  MAuth,
  MAuthReply,
  MCommand,
  MCommandReply,
  type MessageOf,
  MGetConfig,
  MGetPoolStats,
  MGetPoolStatsReply,
  MLog,
  MLogAck,
  MMgrCommand,
  MMgrCommandReply,
  MMonCommand,
  MMonCommandAck,
  MMonGetMap,
  MMonGetVersion,
  MMonGetVersionReply,
  MMonSubscribe,
  MPing,
  MPoolOp,
  MPoolOpReply,
  MStatfs,
  MStatfsReply,
  msOfUtime,
  outgoing,
  PAXOS_ZERO,
  POOL_OP,
} from '../wire/index.ts';
import { type Decision, ok, refuse, unchanged } from './command.ts';
import type { MonContext } from './context.ts';
import { isRoutedToManager } from './dispatch.ts';
import { outputData, settle } from './reply.ts';
import { createPool } from './services/pool-create.ts';
import { removePool } from './services/pool-remove.ts';
import { type Session, typeName } from './session.ts';
import { publishLog, subscribe } from './subscriptions.ts';
import { poolStats, statfsOf } from './views/totals.ts';

type Handler = (mon: MonContext, session: Session, m: IncomingMessage) => void;

/** Messages that clients send, and daemons in their role as clients. */
export const clientHandlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [MMonGetMap.type, (mon, s) => s.connection.send(mon.feed.monMap())],
  [MMonSubscribe.type, (mon, s, m) => subscribe(mon, s, decodeFront(MMonSubscribe, m))],
  [MMonGetVersion.type, getVersion],
  [MMonCommand.type, monCommand],
  [MCommand.type, tellCommand],
  [MMgrCommand.type, mgrCommand],
  [MStatfs.type, statfs],
  [MGetPoolStats.type, getPoolStats],
  [MPoolOp.type, poolOp],
  [MLog.type, takeLog],
  [MAuth.type, auth],
  [MGetConfig.type, getConfig],
  [MPing.type, (_mon, s) => s.connection.send(outgoing(MPing, {}))],
]);

function getVersion(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { handle, what } = decodeFront(MMonGetVersion, m);
  const { osdmap, oldestEpoch, monmap } = mon.ledger.durable;
  const versions: Readonly<Record<string, readonly [number, number]>> = {
    osdmap: [osdmap.epoch, oldestEpoch],
    monmap: [monmap.epoch, monmap.epoch],
    mgrmap: [mon.mgr.epoch, mon.mgr.epoch],
  };
  const [version, oldest] = Object.hasOwn(versions, what) ? versions[what]! : [0, 0];
  session.connection.send(
    outgoing(
      MMonGetVersionReply,
      { handle, version: BigInt(version), oldestVersion: BigInt(oldest) },
      { tid: m.tid },
    ),
  );
}

function monCommand(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { fsid, cmd } = decodeFront(MMonCommand, m);
  const send = (reply: ReturnType<typeof ok>): void =>
    session.connection.send(
      outgoing(
        MMonCommandAck,
        {
          paxos: { ...PAXOS_ZERO, version: BigInt(mon.ledger.durable.osdmap.epoch) },
          result: reply.result,
          status: reply.status,
          cmd,
        },
        { tid: m.tid, data: outputData(reply) },
      ),
    );
  if (fsid !== mon.ledger.durable.osdmap.fsid) return send(refuse('EPERM', 'wrong fsid'));
  settle(mon, mon.commands.run(views(mon), cmd, m.data, session.caller), send);
}

const views = (mon: MonContext) => ({ durable: () => mon.state(), head: () => mon.head() });

function tellCommand(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { cmd } = decodeFront(MCommand, m);
  runCommand(mon, session, m, cmd, session.withManager ? mon.mgrTell : mon.tell, MCommandReply);
}

/** What is sent to the manager: its own commands, and those that a client takes for a manager's. */
function mgrCommand(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { cmd } = decodeFront(MMgrCommand, m);
  const table = isRoutedToManager(cmd) ? mon.commands : mon.mgrTell;
  runCommand(mon, session, m, cmd, table, MMgrCommandReply);
}

function runCommand(
  mon: MonContext,
  session: Session,
  m: IncomingMessage,
  cmd: string[],
  table: MonContext['tell'],
  reply: typeof MCommandReply,
): void {
  settle(mon, table.run(views(mon), cmd, m.data, session.caller), (r) =>
    session.connection.send(
      outgoing(reply, { result: r.result, status: r.status }, { tid: m.tid, data: outputData(r) }),
    ),
  );
}

function statfs(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { pool } = decodeFront(MStatfs, m);
  const state = mon.state();
  const st = statfsOf(state, pool);
  session.connection.send(
    outgoing(
      MStatfsReply,
      { fsid: state.fsid, version: BigInt(state.pgMapVersion), st },
      { tid: m.tid },
    ),
  );
}

function getPoolStats(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { pools } = decodeFront(MGetPoolStats, m);
  const state = mon.state();
  session.connection.send(
    outgoing(
      MGetPoolStatsReply,
      {
        paxos: { ...PAXOS_ZERO, version: BigInt(state.pgMapVersion) },
        fsid: state.fsid,
        poolStats: poolStats(state, pools),
        // What poolStats says in storeStats is the space with all copies, which clients show as USED.
        perPool: true,
      },
      { tid: m.tid },
    ),
  );
}

function poolOp(mon: MonContext, session: Session, m: IncomingMessage): void {
  const request = decodeFront(MPoolOp, m);
  settle(mon, decidePoolOp(mon, request), (reply) =>
    session.connection.send(
      outgoing(
        MPoolOpReply,
        {
          paxos: PAXOS_ZERO,
          fsid: request.fsid,
          result: reply.result,
          epoch: mon.ledger.durable.osdmap.epoch,
          data: undefined,
        },
        { tid: m.tid },
      ),
    ),
  );
}

/** A pool that already is what was asked for counts as success: clients send again when a connection breaks. */
function decidePoolOp(mon: MonContext, m: MessageOf<typeof MPoolOp>): Decision {
  const state = mon.head();
  try {
    if (m.fsid !== state.fsid) return unchanged(refuse('EINVAL', 'wrong fsid'));
    if (m.op === POOL_OP.create) {
      if (state.osdmap.poolByName(m.name)) return unchanged(ok());
      const change = createPool(state, { name: m.name, rule: m.crushRule });
      return { reply: ok(), change };
    }
    if (!state.osdmap.pool(m.pool)) {
      return unchanged(m.op === POOL_OP.delete ? ok() : refuse('ENOENT', 'no such pool'));
    }
    if (m.op === POOL_OP.delete) return { reply: ok(), change: removePool(state, m.pool) };
    return unchanged(refuse('EOPNOTSUPP', 'snapshots are not supported'));
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    return unchanged({ result: -e.errno, status: e.message, output: '' });
  }
}

function takeLog(mon: MonContext, session: Session, m: IncomingMessage): void {
  const { fsid, entries } = decodeFront(MLog, m);
  const last = entries.at(-1);
  if (!last || fsid !== mon.ledger.durable.osdmap.fsid) return;
  for (const e of entries) mon.clusterLog.append(logLine(e));
  publishLog(mon);
  if (session.entity.type === ENTITY.client) return;
  session.connection.send(
    outgoing(MLogAck, { fsid, last: last.seq, channel: last.channel }, { tid: m.tid }),
  );
}

function logLine(e: LogEntry) {
  return {
    who: `${typeName(e.name.type)}.${e.name.id}`,
    entity: e.rank,
    addrs: e.addrs,
    stampMs: msOfUtime(e.stamp),
    seq: e.seq,
    priority: e.priority,
    text: e.text,
    channel: e.channel,
  };
}

/** Without authentication there is nothing to renew. */
function auth(_mon: MonContext, session: Session, m: IncomingMessage): void {
  const { protocol } = decodeFront(MAuth, m);
  const globalId = BigInt(session.connection.peerGlobalId);
  const result = protocol <= 1 ? 0 : -ERRNO.EOPNOTSUPP;
  session.connection.send(
    outgoing(
      MAuthReply,
      { protocol, result, globalId, payload: new Uint8Array(0), text: '' },
      { tid: m.tid },
    ),
  );
}

function getConfig(mon: MonContext, session: Session): void {
  subscribe(mon, session, {
    what: new Map([['config', { start: 0n, flags: 0 }]]),
    hostname: '',
  });
}
