import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import { decodeFront, outgoing } from '../../wire/index.ts';
import {
  ASK,
  MPgFind,
  MPgFound,
  MPgInfo,
  MPgList,
  MPgPull,
  MPgPush,
  MPgQuery,
  MPgRead,
  MPgReadDone,
  MPgRemove,
  MPgRemoved,
} from '../peer-messages.ts';
import type { PgInfo } from './pg-info.ts';

/**
 * What a peer is told of a PG that is not here: that nothing is here, at once, so that it goes on with somebody else. An
 * answer repeats epoch and interval of the question: whoever asked in an interval that has ended since would else take it
 * for the word of one who is sure that the present one began then.
 *
 * While what the PG's last stay left is still being removed, nobody is told of a PG here, nor that there is none: it may
 * be made anew in the middle of the interval, and speaks for itself then. Whoever wants objects need not wait for that.
 * @param blank what an OSD says that has nothing of the PG; undefined while the last stay is being removed
 * @returns undefined if there is nothing to say. @throws DecodeError
 */
export function answerForAbsent(
  m: IncomingMessage,
  blank: (() => PgInfo) | undefined,
): OutgoingMessage | undefined {
  switch (m.type) {
    case MPgQuery.type: {
      const { ask, cursor, ...about } = decodeFront(MPgQuery, m);
      if (ask === ASK.list) {
        return outgoing(MPgList, { ...about, from: cursor, objects: [], next: cursor });
      }
      // A log is asked only of who has said that it has one, and nobody drops that in the same interval.
      return ask === ASK.info && blank ? outgoing(MPgInfo, { ...about, info: blank() }) : undefined;
    }
    case MPgFind.type: {
      const nothing = { isKnown: false, version: undefined, have: undefined };
      return outgoing(MPgFound, { ...decodeFront(MPgFind, m), ...nothing });
    }
    case MPgPull.type: {
      const nothing = { isReply: true, part: undefined, absent: undefined };
      return outgoing(MPgPush, { ...decodeFront(MPgPull, m), ...nothing });
    }
    case MPgRead.type: {
      const nothing = { isHere: false, done: undefined };
      return outgoing(MPgReadDone, { ...decodeFront(MPgRead, m), ...nothing });
    }
    case MPgRemove.type:
      return blank && outgoing(MPgRemoved, decodeFront(MPgRemove, m));
    default:
      return undefined;
  }
}
