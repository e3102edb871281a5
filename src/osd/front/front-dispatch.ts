import type { Connection, Dispatcher, IncomingMessage } from '../../msgr/index.ts';
import type { Logger } from '../../runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  MCommand,
  MConfig,
  type MessageOf,
  MLogAck,
  MOSDForceRecovery,
  MOSDMap,
  MOSDOp,
  MOSDOpReply,
  MOSDScrub2,
  MPGStatsAck,
  MPing,
  outgoing,
} from '../../wire/index.ts';
import type { Watch } from '../failure/watch.ts';
import { MOSDLease, MRepAck } from '../peer-messages.ts';
import type { ClusterLogger } from './cluster-logger.ts';
import type { CommandScope } from './command.ts';
import { answerCommand } from './commands.ts';
import type { MonSession } from './mon-session.ts';
import type { Peers } from './peers.ts';
import type { ShardSet } from './shard-set.ts';

/** Those whom messages are for. */
export interface DispatchHost extends CommandScope {
  readonly log: Logger;
  readonly state: 'booting' | 'active' | 'stopping' | 'stopped';
  readonly mon: MonSession;
  readonly peers: Peers;
  readonly shardSet: ShardSet;
  readonly watch: Watch;
  readonly clog: ClusterLogger;
  onMap(message: MessageOf<typeof MOSDMap>): void;
  /** The monitor's options. */
  onConfig(config: ReadonlyMap<string, string>): void;
  fatal(error: unknown): void;
}

/** What comes by the front's messengers: each message goes to whom it is for, if the one who says it may. */
export class FrontDispatch implements Dispatcher {
  private readonly host: DispatchHost;

  constructor(host: DispatchHost) {
    this.host = host;
  }

  onReady(c: Connection): void {
    const { mon } = this.host;
    if (mon.owns(c)) mon.onReady();
  }

  onReset(c: Connection): void {
    const { mon, shardSet, peers, state } = this.host;
    if (mon.owns(c)) {
      mon.onReset();
      return;
    }
    shardSet.forget(c);
    if (c.peer.type !== ENTITY.osd || state !== 'active') return;
    const osd = peers.osdOf(c);
    if (osd === undefined) return;
    peers.forget(osd);
    for (const shard of shardSet.all) shard.peerReset(osd);
  }

  onMessage(c: Connection, m: IncomingMessage): void {
    const { host } = this;
    if (host.state === 'stopped') return;
    const { router } = host.shardSet;
    const isOsd = c.peer.type === ENTITY.osd;
    switch (m.type) {
      case MOSDOp.type:
        return router.request(c, m);
      case MRepAck.type:
        if (!isOsd) return this.ignore(c, m);
        return router.acked(c.peer.num, decodeFront(MRepAck, m).acks);
      case MOSDOpReply.type:
        return isOsd ? router.copyReply(m) : this.ignore(c, m);
      case MOSDLease.type:
        if (isOsd) host.watch.onLease(c.peer.num, m);
        return;
      case MOSDMap.type:
      case MConfig.type:
      case MOSDScrub2.type:
      case MOSDForceRecovery.type:
        return host.mon.owns(c) ? this.fromMon(m) : this.ignore(c, m);
      case MCommand.type:
        return this.command(c, m);
      case MLogAck.type:
        return host.clog.acknowledged(decodeFront(MLogAck, m).last);
      case MPGStatsAck.type:
        return;
      case MPing.type:
        c.send(outgoing(MPing, {}));
        return;
      default:
        if (!isOsd) return this.ignore(c, m);
        router.peerMessage(c.peer.num, m);
    }
  }

  private fromMon(m: IncomingMessage): void {
    const { host } = this;
    switch (m.type) {
      case MOSDMap.type:
        return host.onMap(decodeFront(MOSDMap, m));
      case MConfig.type:
        return host.onConfig(decodeFront(MConfig, m).config);
      case MOSDScrub2.type: {
        const order = decodeFront(MOSDScrub2, m);
        if (order.fsid === host.fsid) for (const s of host.shardSet.all) s.orderScrub(order);
        return;
      }
      case MOSDForceRecovery.type: {
        const order = decodeFront(MOSDForceRecovery, m);
        if (order.fsid === host.fsid) for (const s of host.shardSet.all) s.force(order);
      }
    }
  }

  private command(c: Connection, m: IncomingMessage): void {
    const { cmd } = decodeFront(MCommand, m);
    answerCommand(this.host, cmd[0] ?? '', (reply) => c.send({ ...reply, tid: m.tid })).catch((e) =>
      this.host.fatal(e),
    );
  }

  /** What this peer has no business to say, or nobody has. */
  private ignore({ peer }: Connection, { type }: IncomingMessage): void {
    this.host.log('debug', 'message ignored', { type, from: `${peer.type}.${peer.num}` });
  }
}
