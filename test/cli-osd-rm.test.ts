import { expect, test } from 'vitest';
import { Interrupts, needed } from '../src/cli/osd/rm.ts';

test('an OSD is needed until every PG says, after it was taken out, that it is whole without it', () => {
  const free = { state: 'active+clean', acting: [1, 2], up: [1, 2], reported_epoch: 9 };
  expect(needed([free, { ...free, state: 'active+clean+scrubbing' }], 0, 9)).toBe(0);
  const kept = [
    { ...free, reported_epoch: 8 },
    { ...free, state: 'active+recovering' },
    { ...free, acting: [0, 2] },
    { ...free, up: [1, 0] },
  ];
  for (const pg of kept) expect(needed([free, pg], 0, 9)).toBe(1);
});

test('who interrupts a drain twice ends it at once, as the monitor may be away', () => {
  const before = process.listenerCount('SIGHUP');
  using signals = new Interrupts();
  expect(process.listenerCount('SIGHUP')).toBe(before + 1);
  process.emit('SIGHUP');
  expect([signals.came, process.listenerCount('SIGHUP')]).toEqual([true, before]);
});
