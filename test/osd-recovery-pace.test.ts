// How fast copies begin, and that each PG gets its share of them.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { RecoveryPace } from '../src/osd/recovery/recovery-pace.ts';
import { settingsOf } from '../src/osd/settings.ts';

it('lets no more copies run than osd_recovery_max_active, and no place stays empty', () => {
  const step = fc.constantFrom('ask' as const, 'done' as const, 'cancel' as const);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, most) => {
        const pace = new RecoveryPace({ active: most, share: 0.3, together: 2, sleepMs: 0 });
        const waiting: number[] = [];
        let running = 0;
        steps.forEach((s, ticket) => {
          if (s === 'ask') {
            pace.ask(ticket);
            waiting.push(ticket);
          } else if (s === 'done' && running > 0) {
            pace.done();
            running--;
          } else if (s === 'cancel' && waiting.length > 0) {
            expect(pace.cancel(waiting.pop()!)).toBe(true);
          }
          for (const start of pace.begin(0, false).starts) {
            expect(start.ticket).toBe(waiting.shift());
            running += start.count;
          }
          expect(running).toBeLessThanOrEqual(most);
          expect(pace.activeCount).toBe(running);
          if (running < most) expect(waiting).toEqual([]);
        });
      },
    ),
  );
});

it('waits osd_recovery_sleep between two turns', () => {
  const pace = new RecoveryPace({ active: 9, share: 0.3, together: 1, sleepMs: 100 });
  for (const t of [1, 2, 3]) pace.ask(t);
  expect(pace.begin(1000, false)).toEqual({ starts: [{ ticket: 1, count: 1 }], againMs: 100 });
  expect(pace.begin(1040, false)).toEqual({ starts: [], againMs: 60 });
  expect(pace.begin(1100, false)).toEqual({ starts: [{ ticket: 2, count: 1 }], againMs: 100 });
  pace.setBounds({ active: 9, share: 0.3, together: 1, sleepMs: 0 });
  expect(pace.begin(1200, false)).toEqual({ starts: [{ ticket: 3, count: 1 }] });
  expect(pace.cancel(3)).toBe(false);
});

it('keeps most of them back while clients have requests, never all', () => {
  const pace = new RecoveryPace({ active: 10, share: 0.3, together: 1, sleepMs: 0 });
  for (let t = 0; t < 12; t++) pace.ask(t);
  expect(pace.begin(0, true).starts.length).toBe(3);
  expect(pace.begin(0, false).starts.length).toBe(7);
  const slow = new RecoveryPace({ active: 3, share: 0.01, together: 1, sleepMs: 0 });
  for (let t = 0; t < 3; t++) slow.ask(t);
  expect(slow.begin(0, true).starts.length).toBe(1);
  const still = new RecoveryPace({ active: 0, share: 1, together: 1, sleepMs: 0 });
  still.ask(1);
  expect(still.begin(0, true).starts).toEqual([]);
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
  expect(said.bounds).toMatchObject({ active: 7, sleepMs: 500, share: 0.5 });
  expect(said.chunkBytes).toBe(65_536);
});
