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

/** How an OSD stands to a PG that is not here. */
export interface Absence {
  /** What the PG's last stay left is still being removed. */
  readonly isRemoving: boolean;
  /** And the map puts it here again, so that it is made anew after that. */
  readonly isComing: boolean;
  /** What an OSD says that has nothing of the PG. */
  blank(): PgInfo;
}

/**
 * What a peer is told of a PG that is not here: that nothing is here, at once, so that it goes on with somebody else. An
 * answer repeats epoch and interval of the question: whoever asked in an interval that has ended since would else take it
 * for the word of one who is sure that the present one began then.
 *
 * Where the PG is made anew in the middle of the interval, it speaks for itself then, and nobody is told that there is
 * none. Elsewhere nobody would ever speak, so the question is answered while the removal goes on: whoever is asked for its
 * past must not be waited for. That nothing is left is said when it is so. Whoever wants objects need not wait for either.
 * @returns undefined if there is nothing to say. @throws DecodeError
 */
export function answerForAbsent(
  m: IncomingMessage,
  { isRemoving, isComing, blank }: Absence,
): OutgoingMessage | undefined {
  switch (m.type) {
    case MPgQuery.type: {
      const { ask, cursor, ...about } = decodeFront(MPgQuery, m);
      if (ask === ASK.list) {
        return outgoing(MPgList, { ...about, from: cursor, objects: [], next: cursor });
      }
      // A log is asked only of who has said that it has one, and nobody drops that in the same interval.
      if (ask !== ASK.info || isComing) return undefined;
      return outgoing(MPgInfo, { ...about, info: blank() });
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
      return isRemoving ? undefined : outgoing(MPgRemoved, decodeFront(MPgRemove, m));
    default:
      return undefined;
  }
}
