import { bool, struct, u8, u32, vec } from '../../codec/index.ts';
import { HObject, message, PgId } from '../../wire/index.ts';
import { ScrubHistory } from './scrub-history.ts';
import { ScrubbedObject } from './scrub-map.ts';

// Between the members of a PG, see peer-messages. Numbers are those of MOSDScrubReserve, MOSDRepScrub and
// MOSDRepScrubMap; the last has none in Ceph, where the PG's info carries it.

const v1 = { version: 1, compat: 1 };
const about = { pgid: PgId, epoch: u32, since: u32 };

export const SCRUB_WORD = { request: 0, granted: 1, refused: 2, release: 3, replaced: 4 } as const;
/** About a member's place for a scrub, where an answer repeats the number of the request; or that its copy is replaced. */
export const MScrubReserve = message(
  'MScrubReserve',
  119,
  v1,
  struct('MScrubReserve', { ...about, word: u8, number: u32 }),
);
/**
 * What do you have there, up to so many objects? A part of a scrub: then what was asked for an earlier part is not wanted
 * any more.
 */
export const MScrubScan = message(
  'MScrubScan',
  117,
  v1,
  struct('MScrubScan', {
    ...about,
    number: u32,
    from: HObject,
    to: HObject,
    deep: bool,
    most: u32,
    isPart: bool,
  }),
);
/** All objects below `to`. */
export const MScrubMap = message(
  'MScrubMap',
  118,
  v1,
  struct('MScrubMap', { ...about, number: u32, objects: vec(ScrubbedObject), to: HObject }),
);
/** A scrub has ended. */
export const MScrubDone = message(
  'MScrubDone',
  177,
  v1,
  struct('MScrubDone', { ...about, history: ScrubHistory }),
);
