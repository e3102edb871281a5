// Whoever asks about a PG that is not here is told so at once, and goes on with somebody else.
import { describe, expect, it } from 'vitest';
import type { IncomingMessage, OutgoingMessage } from '../src/msgr/index.ts';
import {
  ASK,
  MPgFind,
  MPgFound,
  MPgHistory,
  MPgInfo,
  MPgList,
  MPgPull,
  MPgPush,
  MPgQuery,
  MPgRead,
  MPgReadDone,
  MPgRemove,
  MPgRemoved,
} from '../src/osd/peer-messages.ts';
import { type Absence, answerForAbsent } from '../src/osd/pg/absent-pg.ts';
import { emptyInfo } from '../src/osd/pg/pg-info.ts';
import { COPY_START } from '../src/osd/recovery/object-copy.ts';
import {
  decodeFront,
  EVERSION_ZERO,
  HOBJECT_MAX,
  HOBJECT_MIN,
  type MessageDef,
  outgoing,
} from '../src/wire/index.ts';
import { ImportRun } from './support/import-run.ts';
import { loneView } from './support/pg-views.ts';

const VIEW = loneView(9);
const blank = () => emptyInfo(0, VIEW, 3);
/** Of an interval that began with epoch 4, by one who has map 5. */
const about = { pgid: { pool: 1, seed: 0 }, epoch: 5, since: 4 };
const oid = { ...HOBJECT_MIN, pool: 1, name: 'x' };

function answerTo<T>(
  def: MessageDef<T>,
  value: T,
  removal: Partial<Absence> = {},
): OutgoingMessage | undefined {
  const message = outgoing(def, value) as unknown as IncomingMessage;
  return answerForAbsent(message, { isRemoving: false, isComing: false, blank, ...removal });
}

function read<T>(def: MessageDef<T>, answer: OutgoingMessage | undefined): T {
  expect(answer?.type).toBe(def.type);
  return decodeFront(def, { front: answer!.front });
}

describe('an OSD that has nothing of a PG', () => {
  const query = { ...about, round: 2, logSince: undefined, cursor: oid, end: HOBJECT_MAX };
  const questions = {
    info: () => answerTo(MPgQuery, { ...query, ask: ASK.info }),
    list: () => answerTo(MPgQuery, { ...query, ask: ASK.list }),
    find: () => answerTo(MPgFind, { ...about, copy: 7, oid }),
    pull: () =>
      answerTo(MPgPull, { ...about, copy: 7, oid, need: EVERSION_ZERO, cursor: COPY_START }),
    read: () =>
      answerTo(MPgRead, { ...about, copy: 7, oid, need: EVERSION_ZERO, op: Buffer.alloc(0) }),
    remove: () => answerTo(MPgRemove, about),
  };

  it('says that there is nothing, with the number of the question', () => {
    expect(read(MPgInfo, questions.info())).toMatchObject({ ...about, round: 2, info: blank() });
    expect(read(MPgList, questions.list())).toMatchObject({
      ...about,
      ...{ round: 2, from: oid, next: oid, objects: [] },
    });
    expect(read(MPgFound, questions.find())).toMatchObject({ copy: 7, isKnown: false });
    expect(read(MPgPush, questions.pull())).toMatchObject({
      ...{ copy: 7, isReply: true, part: undefined },
    });
    expect(read(MPgReadDone, questions.read())).toMatchObject({ copy: 7, isHere: false });
    expect(read(MPgRemoved, questions.remove())).toEqual(about);
  });

  it('repeats epoch and interval, whatever map it has itself', () => {
    for (const ask of Object.values(questions)) {
      const { front } = ask()!;
      expect([front.slice(17, 21), front.slice(21, 25)].map((b) => b[0])).toEqual([5, 4]);
    }
  });

  it('does not say that there is no PG where it is made anew after a removal, but gives no objects', () => {
    const removal = { isRemoving: true, isComing: true };
    expect(answerTo(MPgQuery, { ...query, ask: ASK.info }, removal)).toBeUndefined();
    expect(answerTo(MPgRemove, about, removal)).toBeUndefined();
    expect(answerTo(MPgFind, { ...about, copy: 7, oid }, removal)?.type).toBe(MPgFound.type);
  });

  it('says so where it does not come again, but not that the removal is done', () => {
    const removal = { isRemoving: true };
    expect(answerTo(MPgQuery, { ...query, ask: ASK.info }, removal)?.type).toBe(MPgInfo.type);
    expect(answerTo(MPgRemove, about, removal)).toBeUndefined();
  });

  it('has no log, and does not answer what is no question', () => {
    expect(answerTo(MPgQuery, { ...query, ask: ASK.log })).toBeUndefined();
    expect(answerTo(MPgHistory, { ...about, started: 1, clean: 1 })).toBeUndefined();
  });
});

describe('a member that imports from one that came back with an empty disk', () => {
  it('asks the next one at once', async () => {
    const run = new ImportRun(41, { copies: 0 });
    await run.begin();
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) => onSend(from, to, m) && m.type !== MPgList.type;
    run.world.place([2, 3]);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    // Whoever would be asked first.
    const gone = run.primary!.state.import!.sources.find((osd) => osd < 2)!;
    run.world.crash(gone);
    await run.until('down', () => !run.primary!.host.isUp(gone));
    run.world.nodes[gone]!.wipe();
    await run.world.restart(gone);
    await run.until('up', () => run.primary!.host.isUp(gone));
    expect(run.world.nodes[gone]!.pg).toBeUndefined();
    expect(run.primary!.state.import!.sources).toContain(gone);
    expect(await run.read('o1', 1500)).toBe('first of 1');
    run.world.onSend = onSend;
    run.world.allowCopies(2);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});
