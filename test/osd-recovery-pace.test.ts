// How fast copies begin, and that each PG gets its share of them.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { type PaceBounds, RecoveryPace } from '../src/osd/recovery/recovery-pace.ts';
import { settingsOf } from '../src/osd/settings.ts';

const plain: PaceBounds = {
  active: 9,
  opPriority: 3,
  clientPriority: 7,
  together: 1,
  sleepMs: 0,
};

it('lets no more copies run than osd_recovery_max_active, and no place stays empty', () => {
  const step = fc.constantFrom('ask' as const, 'done' as const, 'cancel' as const);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, most) => {
        const pace = new RecoveryPace({ ...plain, active: most, together: 2 });
        const waiting: number[] = [];
        const running: number[] = [];
        steps.forEach((s, ticket) => {
          if (s === 'ask') {
            pace.ask(ticket, ticket % 3);
            waiting.push(ticket);
          } else if (s === 'done' && running.length > 0) {
            pace.done(running.shift()!);
          } else if (s === 'cancel' && waiting.length > 0) {
            expect(pace.cancel(waiting.pop()!)).toBe(true);
          }
          for (const start of pace.begin(0, false).starts) {
            expect(start.ticket).toBe(waiting.shift());
            expect(start.of).toBe(start.ticket % 3);
            for (let i = 0; i < start.count; i++) running.push(start.of);
          }
          expect(running.length).toBeLessThanOrEqual(most);
          expect(pace.activeCount).toBe(running.length);
          if (running.length < most) expect(waiting).toEqual([]);
        });
      },
    ),
  );
});

it('waits osd_recovery_sleep between two turns', () => {
  const pace = new RecoveryPace({ ...plain, sleepMs: 100 });
  for (const t of [1, 2, 3]) pace.ask(t, 0);
  expect(pace.begin(1000, false)).toEqual({
    starts: [{ ticket: 1, of: 0, count: 1 }],
    againMs: 100,
  });
  expect(pace.begin(1040, false)).toEqual({ starts: [], againMs: 60 });
  expect(pace.begin(1100, false)).toEqual({
    starts: [{ ticket: 2, of: 0, count: 1 }],
    againMs: 100,
  });
  pace.setBounds(plain);
  expect(pace.begin(1200, false)).toEqual({ starts: [{ ticket: 3, of: 0, count: 1 }] });
  expect(pace.cancel(3)).toBe(false);
});

it('keeps most of them back while clients have requests, never all', () => {
  const pace = new RecoveryPace({ ...plain, active: 10 });
  for (let t = 0; t < 12; t++) pace.ask(t, 0);
  expect(pace.begin(0, true).starts.length).toBe(3);
  expect(pace.begin(0, false).starts.length).toBe(7);
  const slow = new RecoveryPace({ ...plain, active: 3, opPriority: 0.1 });
  for (let t = 0; t < 3; t++) slow.ask(t, 0);
  expect(slow.begin(0, true).starts.length).toBe(1);
  const still = new RecoveryPace({ ...plain, active: 0 });
  still.ask(1, 0);
  expect(still.begin(0, true).starts).toEqual([]);
});

it('gives pools that say their own weight a part of their own, and no pool waits for the end of another', () => {
  // A tenth and half of ten.
  const pace = new RecoveryPace({ ...plain, active: 10, opPriority: 1, clientPriority: 9 });
  for (let t = 0; t < 20; t++) pace.ask(t, t < 10 ? 0 : 9);
  const begun = (isBusy: boolean) => pace.begin(0, isBusy).starts.map((s) => s.of);
  expect(begun(true)).toEqual([0, 9, 9, 9, 9, 9]);
  expect(begun(true)).toEqual([]);
  pace.done(9);
  expect(begun(true)).toEqual([9]);
  pace.done(0);
  expect(begun(true)).toEqual([0]);
  // Alone, all take what there is, in their turn.
  expect(begun(false)).toEqual([0, 0, 0, 0]);
});

it('takes its bounds from the options, as the device is', () => {
  const of = (device: object, options: [string, string][] = []) =>
    settingsOf(new OsdConfig(new Map(options)), 1, device).recovery;
  const hdd = { deviceClass: 'hdd' };
  expect(of(hdd).bounds).toMatchObject({ backfills: 1, active: 3, together: 1, sleepMs: 100 });
  expect(of({ ...hdd, metadataClass: 'ssd' }).bounds).toMatchObject({ active: 3, sleepMs: 25 });
  expect(of({ deviceClass: 'ssd' }).bounds).toMatchObject({ active: 10, sleepMs: 0 });
  expect(of({}).retryMs).toEqual({ recovery: 30_000, backfill: 30_000 });
  const said = of(hdd, [
    ['osd_recovery_sleep', '0.5'],
    ['osd_recovery_max_active', '7'],
    ['osd_recovery_max_chunk', '0'],
    ['osd_recovery_op_priority', '63'],
  ]);
  expect(said.bounds).toMatchObject({
    active: 7,
    sleepMs: 500,
    opPriority: 63,
    clientPriority: 63,
  });
  expect(said.chunkBytes).toBe(65_536);
});
