// Heartbeats on two networks, and what the monitor makes of accusations, in virtual time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Accusations } from '../src/osd/failure/accusations.ts';
import { heartbeatPeers } from '../src/osd/failure/heartbeat-peers.ts';
import { Markdowns } from '../src/osd/failure/markdowns.ts';
import { PingBook, SIDES } from '../src/osd/failure/ping-book.ts';
import { decodeFront, FAILURE_FLAG, MOSDFailure } from '../src/wire/index.ts';
import { bootOf, FSID, makeWorld } from './mon-world.ts';
import { HeartbeatWorld } from './support/heartbeat-sim.ts';

const GRACE_MS = 20_000;

describe('a peer', () => {
  it('is unhealthy when a ping is overdue on either side, and healthy once both have answered', () => {
    for (const mute of SIDES) {
      const book = new PingBook();
      book.add(1);
      book.sent(0, GRACE_MS);
      expect(book.isHealthy(1, 0)).toBe(false);
      for (const side of SIDES) book.answered(1, side, 0, 5);
      expect(book.isHealthy(1, 5)).toBe(true);
      book.sent(1000, GRACE_MS);
      book.answered(1, mute === 'front' ? 'back' : 'front', 1000, 1010);
      expect(book.isUnhealthy(1, 1000 + GRACE_MS)).toBe(false);
      expect(book.isUnhealthy(1, 1001 + GRACE_MS)).toBe(true);
      expect(book.silentSince(1)).toBe(5);
    }
  });

  it('that never answered is silent since it was first asked', () => {
    const book = new PingBook();
    book.add(1);
    book.sent(300, GRACE_MS);
    book.sent(3000, GRACE_MS);
    expect(book.silentSince(1)).toBe(300);
    expect(book.answered(1, 'back', 299, 300)).toBe('unasked');
    expect(book.answered(2, 'back', 300, 301)).toBe('unasked');
  });

  it('is what a naive account of all pings says (property)', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), ms: fc.integer({ min: 1, max: 9000 }) }),
      fc.record({
        kind: fc.constant('answer' as const),
        ms: fc.nat(500),
        side: fc.constantFrom(...SIDES),
        ping: fc.nat(12),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const book = new PingBook();
        book.add(1);
        const pings: { at: number; front: boolean; back: boolean; isDone: boolean }[] = [];
        let now = 0;
        for (const s of steps) {
          now += s.ms;
          if (s.kind === 'send') {
            book.sent(now, GRACE_MS);
            pings.push({ at: now, front: false, back: false, isDone: false });
          } else {
            const at = pings.length - 1 - s.ping;
            const ping = pings[at];
            if (!ping) continue;
            const answered = book.answered(1, s.side, ping.at, now);
            if (ping.isDone) {
              expect(answered).toBe('unasked');
              continue;
            }
            ping[s.side] = true;
            const isWhole = ping.front && ping.back;
            if (isWhole) expect(answered).toMatchObject({ [s.side]: now - ping.at });
            else expect(answered).toBe('half');
            if (isWhole) for (const p of pings.slice(0, at + 1)) p.isDone = true;
          }
          const open = pings.filter((p) => !p.isDone);
          const isLate = open.some((p) => now > p.at + GRACE_MS);
          expect(book.isUnhealthy(1, now)).toBe(isLate);
        }
      }),
    );
  });

  it('is forgotten nothing of after more pings than are kept', () => {
    const book = new PingBook();
    book.add(1);
    for (let i = 0; i < 500; i++) book.sent(10 * i, GRACE_MS);
    expect(book.isUnhealthy(1, GRACE_MS + 1)).toBe(true);
    for (const side of SIDES) expect(book.answered(1, side, 4990, 5000)).not.toBe('unasked');
    expect(book.isUnhealthy(1, 1e9)).toBe(false);
  });
});

describe('peers', () => {
  const choose = async (osds: number, perHost: number, id: number, peersMin: number) => {
    const w = await makeWorld({ osds });
    for (let osd = 0; osd < osds; osd++) {
      const host = `host${Math.floor(osd / perHost)}`;
      const metadata = new Map([...bootOf(osd).metadata, ['hostname', host]]);
      await w.boot(osd, { metadata });
    }
    const { osdmap: map } = w.state();
    const neighbours = new Set([2]);
    const rest = { reportersMin: 2, level: 'host', current: [], below: () => 0 };
    return [...heartbeatPeers({ map, id, neighbours, peersMin, ...rest })].sort((a, b) => a - b);
  };

  it('are neighbours, who follows and precedes, and some of other hosts', async () => {
    expect(await choose(9, 3, 4, 2)).toEqual([0, 2, 3, 5, 7]);
  });
  it('are everybody in a small cluster, and nobody in one of one', async () => {
    expect(await choose(4, 1, 0, 10)).toEqual([1, 2, 3]);
    expect(await choose(1, 1, 0, 10)).toEqual([]);
  });
});

describe('an accusation', () => {
  const made = async () => {
    const w = await makeWorld();
    for (const osd of [0, 1, 2]) await w.boot(osd);
    const said: string[] = [];
    const accusations = new Accusations({
      fsid: FSID,
      id: 0,
      sendToMon: ({ front }) => {
        const { osd, flags, failedFor } = decodeFront(MOSDFailure, { front });
        said.push(`${osd} ${flags} ${failedFor}`);
      },
      note: () => {},
    });
    return { w, said, accusations, map: () => w.state().osdmap };
  };

  it('is made once, taken back once, and made again to a new session', async () => {
    const { said, accusations, map } = await made();
    accusations.suspect(1, 1000);
    accusations.tell(map(), 22_500);
    accusations.suspect(1, 1000);
    accusations.tell(map(), 23_500);
    accusations.retell();
    accusations.tell(map(), 31_000);
    accusations.clear(1, map());
    accusations.clear(1, map());
    expect(said).toEqual(['1 1 21', '1 1 30', '1 0 0']);
  });

  it('is forgotten when the accused is down', async () => {
    const { w, said, accusations, map } = await made();
    accusations.suspect(1, 0);
    accusations.tell(map(), 21_000);
    await w.run('osd down', { ids: ['1'] });
    accusations.prune(map());
    accusations.retell();
    accusations.tell(map(), 30_000);
    accusations.clear(1, map());
    expect(said).toEqual(['1 1 21']);
  });

  it('is made again when the accused was down and is up again, with the same addresses, before we look', async () => {
    const { w, said, accusations, map } = await made();
    accusations.suspect(1, 0);
    accusations.tell(map(), 21_000);
    await w.run('osd down', { ids: ['1'] });
    await w.boot(1);
    accusations.prune(map());
    accusations.suspect(1, 25_000);
    accusations.tell(map(), 46_000);
    expect(said).toEqual(['1 1 21', '1 1 21']);
  });

  it('of refusing a connection is immediate, and is repeated at most once a second', async () => {
    const { said, accusations, map } = await made();
    const flags = FAILURE_FLAG.failed | FAILURE_FLAG.immediate;
    for (const ms of [0, 10, 990, 1000]) accusations.refused(2, map(), 20, ms);
    expect(said).toEqual([`2 ${flags} 21`, `2 ${flags} 21`]);
  });
});

it('an OSD that was marked down too often in a period has a reason to stop', () => {
  const m = new Markdowns();
  for (let i = 0; i < 5; i++) expect(m.add(i * 100_000, 5, 600)).toBeUndefined();
  expect(m.add(500_000, 5, 600)).toBe(
    'marked down 6 > osd_max_markdown_count 5 in last 600 seconds, shutting down',
  );
  expect(m.isRecent(1_100_000, 600)).toBe(true);
  expect(m.isRecent(1_100_001, 600)).toBe(false);
  expect(m.add(1_200_000, 5, 600)).toBeUndefined();
});

describe('in a cluster of six OSDs on three hosts', () => {
  const start = (seed = 1) => HeartbeatWorld.start(6, 2, seed);

  it('nobody is accused when nothing happens', async () => {
    const w = await start();
    await w.run(600);
    expect(w.log).toEqual([]);
  });

  it('one that dies without a word is down within the grace and some seconds', async () => {
    const w = await start();
    await w.run(60);
    w.osds[3]!.isAlive = false;
    await w.run(32);
    expect(w.log).toHaveLength(1);
    const [at, what, osd] = w.log[0]!.split(' ');
    expect([what, osd]).toEqual(['down', '3']);
    expect(Number(at)).toBeGreaterThanOrEqual(78);
    expect(Number(at)).toBeLessThanOrEqual(92);
  });

  it.each([
    ['both networks', ['front', 'back']],
    ['the front network only', ['front']],
    ['the back network only', ['back']],
  ] as const)(
    'one cut off from %s goes down, stays down while it is, and comes back after that',
    async (_, sides) => {
      const w = await start();
      await w.run(60);
      w.isolate(2, ...sides);
      await w.run(300);
      expect(w.upIds).toEqual([0, 1, 3, 4, 5]);
      expect(w.log.filter((line) => line.includes('down'))).toHaveLength(1);
      expect(w.log[0]).toMatch(/ down 2 /);
      w.heal();
      await w.run(60);
      expect(w.upIds).toEqual([0, 1, 2, 3, 4, 5]);
      expect(w.log).toHaveLength(2);
      // It was slow rather than dead, so that next time others wait longer for it.
      expect(w.mon.state().osdmap.data.osdXInfo.at(2)!.laggyProbability).toBeCloseTo(0.3, 5);
    },
  );

  it('one that can send but hears nothing goes down alone: most do not believe its accusations', async () => {
    const w = await start(7);
    await w.run(60);
    for (const other of w.osds) w.cut(other.id, 5, 'front', 'back');
    await w.run(120);
    expect(w.upIds).toEqual([0, 1, 2, 3, 4]);
    expect(w.log.filter((line) => line.includes('down'))).toHaveLength(1);
  });

  it('one link that is cut makes two accusers from two hosts, which is not enough', async () => {
    const w = await start();
    await w.run(60);
    w.cut(0, 5, 'front', 'back');
    w.cut(5, 0, 'front', 'back');
    await w.run(300);
    expect(w.log).toEqual([]);
  });

  it('a cut that heals before the grace is over leaves no trace', async () => {
    const w = await start();
    await w.run(60);
    w.isolate(2, 'front', 'back');
    await w.run(17);
    w.heal();
    await w.run(100);
    expect(w.log).toEqual([]);
  });

  it('one that flaps is given more time from fall to fall', async () => {
    const w = await start();
    const took: number[] = [];
    for (let round = 0; round < 4; round++) {
      await w.run(60);
      const cutAt = w.now / 1000;
      w.isolate(1, 'front', 'back');
      await w.run(240);
      const fall = w.log.find(
        (line) => line.includes(' down 1') && Number.parseInt(line, 10) > cutAt,
      );
      took.push(Number.parseInt(fall!, 10) - cutAt);
      w.heal();
    }
    for (let i = 1; i < took.length; i++) expect(took[i]!).toBeGreaterThan(took[i - 1]!);
    expect(took.at(-1)!).toBeGreaterThan(60);
  });

  it('one that stays away is marked out, and in when it comes back', async () => {
    const w = await start();
    await w.run(60);
    w.osds[4]!.isAlive = false;
    await w.run(700);
    expect(w.log.map((line) => line.split(' ').slice(1, 3).join(' '))).toEqual(['down 4', 'out 4']);
    expect(w.mon.state().osdmap.isIn(4)).toBe(false);
    w.osds[4]!.isAlive = true;
    w.osds[4]!.bootEpoch = 0;
    await w.run(30);
    expect(w.mon.state().osdmap.isIn(4)).toBe(true);
    expect(w.upIds).toHaveLength(6);
  });

  it('one that lost the monitor only stays up, since it serves', async () => {
    const w = await start();
    await w.run(60);
    w.lonely.add(3);
    await w.run(300);
    expect(w.log).toEqual([]);
  });

  it('whatever single OSD falls, on whatever seed, nobody else does (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 }), fc.nat(1e6), async (osd, seed) => {
        const w = await start(seed);
        await w.run(30 + (seed % 10));
        w.isolate(osd, 'front', 'back');
        await w.run(120);
        expect(w.upIds).toEqual([0, 1, 2, 3, 4, 5].filter((o) => o !== osd));
        w.heal();
        await w.run(60);
        expect(w.upIds).toHaveLength(6);
      }),
      { numRuns: 12 },
    );
  });
});
