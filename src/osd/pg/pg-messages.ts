import type { IncomingMessage } from '../../msgr/index.ts';
import { decodeFront, outgoing, type PgId, readOSDOp } from '../../wire/index.ts';
import { Logged } from '../log/logged.ts';
import { readRepOp } from '../log/rep-op.ts';
import {
  MPgActivate,
  MPgActivated,
  MPgFind,
  MPgFlush,
  MPgFound,
  MPgHistory,
  MPgInfo,
  MPgList,
  MPgListed,
  MPgLog,
  MPgNoticed,
  MPgPull,
  MPgPush,
  MPgPushReply,
  MPgQuery,
  MPgRead,
  MPgReadDone,
  MPgRemove,
  MPgRemoved,
  MPgReserve,
  MRepOp,
} from '../peer-messages.ts';
import type { Recovery } from '../recovery/recovery.ts';
import type { RecoveryPlaces } from '../recovery/recovery-places.ts';
import type { PgScrubber } from '../scrub/pg-scrubber.ts';
import type { ScrubMember } from '../scrub/scrub-member.ts';
import {
  MScrubDone,
  MScrubMap,
  MScrubReserve,
  MScrubScan,
  SCRUB_WORD,
} from '../scrub/scrub-messages.ts';
import type { Flushes } from './flushes.ts';
import type { PgView } from './intervals.ts';
import { missingSet } from './missing.ts';
import type { Holdings } from './pg-holdings.ts';
import type { PgHost } from './pg-host.ts';
import type { PgMember } from './pg-member.ts';
import type { Milestones } from './pg-milestones.ts';
import type { PeeringRounds } from './pg-peering.ts';
import type { PgState } from './pg-state.ts';
import type { Announcement, Strays } from './pg-strays.ts';

/** The parts of a PG that peers speak to. */
export interface MessagesScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly view: PgView;
  readonly isActing: boolean;
  readonly rounds: PeeringRounds;
  readonly member: PgMember;
  readonly recovery: Recovery;
  readonly places: RecoveryPlaces;
  readonly flushes: Flushes;
  readonly milestones: Milestones;
  readonly holdings: Holdings;
  readonly strays: Strays;
  readonly announcement: Announcement;
  readonly scrubber: PgScrubber;
  readonly scrubMember: ScrubMember;
  header(): { pgid: PgId; epoch: number; since: number };
  /** More is known of what members lack. */
  moreListed(): void;
  /** The interval began before the PG came to be here. */
  beganBefore(since: number): void;
}

/**
 * Gives a peer's message to the part of the PG that it is for. Every message belongs to an interval; those of another
 * one are dropped, since whoever sent them peers again. @throws DecodeError for malformed bytes
 */
export function routeMessage(pg: MessagesScope, from: number, message: IncomingMessage): void {
  const inInterval = <M extends { since: number; epoch: number }>(
    m: M,
    handle: (m: M) => void,
    tooLate: () => void = () => {},
  ): void => {
    if (m.since < pg.state.info.since && m.epoch >= pg.state.info.since) pg.beganBefore(m.since);
    if (m.since > pg.state.info.since && m.epoch <= pg.view.epoch) tooLate();
    if (m.since === pg.state.info.since && pg.rounds.isSettled) handle(m);
  };
  const { host, view, rounds, member, holdings } = pg;
  // It came to be in the middle of the interval, and was asked when it was not there: it has to say again what it has.
  const tellSince = (): void => host.send(from, outgoing(MPgNoticed, pg.header()));
  const heard = (osd: number): void => {
    if (osd === view.primary) pg.announcement.noticed();
  };
  switch (message.type) {
    case MPgQuery.type:
      return inInterval(decodeFront(MPgQuery, message), (m) => {
        heard(from);
        member.onQuery(from, m);
      });
    case MPgNoticed.type:
      return inInterval(decodeFront(MPgNoticed, message), () => heard(from));
    case MPgInfo.type:
      return inInterval(decodeFront(MPgInfo, message), (m) => rounds.onInfo(from, m), tellSince);
    case MPgLog.type:
      return inInterval(decodeFront(MPgLog, message), (m) => {
        const log = { tail: m.tail, entries: m.entries.map(Logged.from), dups: m.dups };
        rounds.answered(m.round, { kind: 'log', from, log });
      });
    case MPgList.type:
      return inInterval(decodeFront(MPgList, message), (m) => member.onList(from, m));
    case MPgListed.type:
      return inInterval(decodeFront(MPgListed, message), (m) => {
        if (!rounds.isCurrent(m.round)) return;
        holdings.listed(from, m.cursor, m.missing);
        pg.moreListed();
      });
    case MPgFind.type:
      return inInterval(decodeFront(MPgFind, message), (m) => member.onFind(from, m));
    case MPgFound.type:
      return inInterval(decodeFront(MPgFound, message), (m) => pg.recovery.onFound(m.copy, m));
    case MPgActivate.type:
      return inInterval(decodeFront(MPgActivate, message), (m) => {
        heard(from);
        if (from === view.primary) member.onActivate(from, m);
      });
    case MPgActivated.type:
      return inInterval(decodeFront(MPgActivated, message), (m) => {
        const { upFrom, sentMs, leaseMs } = m.lease;
        if (rounds.isCurrent(m.round)) host.leases.grant(from, upFrom, sentMs, leaseMs);
        const missing = missingSet(m.missing);
        const frontier = holdings.frontierOf(m.import);
        rounds.answered(m.round, { kind: 'activated', from, missing, frontier });
      });
    case MPgHistory.type:
      return inInterval(decodeFront(MPgHistory, message), (m) => pg.milestones.note(m));
    case MPgPull.type:
      return inInterval(decodeFront(MPgPull, message), (m) => member.onPull(from, m));
    case MPgPush.type:
      return inInterval(decodeFront(MPgPush, message), (m) => {
        if (m.isReply) pg.recovery.onPush(m.copy, m.part, message);
        else member.onPush(from, m, message);
      });
    case MPgPushReply.type:
      return inInterval(decodeFront(MPgPushReply, message), (m) => pg.recovery.onPushReply(m.copy));
    case MPgRead.type:
      return inInterval(decodeFront(MPgRead, message), (m) => {
        member.onRead(from, m, readOSDOp({ front: m.op as Buffer }));
      });
    case MPgReadDone.type:
      return inInterval(decodeFront(MPgReadDone, message), ({ copy, isHere, done }) => {
        pg.recovery.reads.onDone(copy, { isHere, done, data: message.data });
      });
    case MPgFlush.type:
      return inInterval(decodeFront(MPgFlush, message), (m) => pg.flushes.onMessage(from, m));
    case MScrubReserve.type:
      return inInterval(decodeFront(MScrubReserve, message), (m) => {
        const isAnswer = m.word === SCRUB_WORD.granted || m.word === SCRUB_WORD.refused;
        if (isAnswer) pg.scrubber.onReserveAnswer(from, m);
        else if (from === view.primary) pg.scrubMember.onMessage(from, m);
      });
    case MScrubScan.type:
      return inInterval(decodeFront(MScrubScan, message), (m) => {
        if (from === view.primary) pg.scrubber.scans.onScan(from, m);
      });
    case MScrubMap.type:
      return inInterval(decodeFront(MScrubMap, message), (m) => pg.scrubber.scans.onMap(m));
    case MScrubDone.type:
      return inInterval(decodeFront(MScrubDone, message), (m) => {
        if (from === view.primary) pg.scrubber.onDone(m.history);
      });
    case MPgReserve.type:
      return inInterval(decodeFront(MPgReserve, message), (m) => pg.places.onMessage(from, m));
    case MRepOp.type:
      return inInterval(readRepOp(message), (m) => member.onRepOp(from, m, message));
    case MPgRemove.type:
      return inInterval(decodeFront(MPgRemove, message), () => {
        if (from === view.primary && !pg.isActing) host.discard(pg.state.pgid);
      });
    case MPgRemoved.type:
      return inInterval(decodeFront(MPgRemoved, message), () => pg.strays.removed(from));
    default:
      host.log('warn', 'unexpected message of a peer', { from, type: message.type });
  }
}
