// How long a store takes, without a note of each transaction.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { averageNs, StoreLatency } from '../src/osd/shard/store-latency.ts';

it('the average is that of all transactions, however they overlap (property)', () => {
  const txn = fc.record({ at: fc.nat(1000), took: fc.integer({ min: 0, max: 200 }) });
  fc.assert(
    fc.property(fc.array(txn, { minLength: 1, maxLength: 30 }), (txns) => {
      const latency = new StoreLatency();
      const events = txns.flatMap(({ at, took }) => [
        { at, isEnd: false },
        { at: at + took, isEnd: true },
      ]);
      events.sort((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd));
      for (const { at, isEnd } of events) {
        if (isEnd) latency.ended(at);
        else latency.begun(at);
      }
      const got = latency.take(5000);
      const sumMs = txns.reduce((ms, { took }) => ms + took, 0);
      expect(got).toEqual({ count: txns.length, sumMs });
      expect(latency.take(6000)).toEqual({ count: 0, sumMs: 0 });
    }),
  );
});

it('what is still under way counts when something ends', () => {
  const latency = new StoreLatency();
  latency.begun(0);
  expect(latency.take(10)).toEqual({ count: 0, sumMs: 0 });
  latency.ended(30);
  expect(latency.take(31)).toEqual({ count: 1, sumMs: 30 });
});

it('several stores give one average, in nanoseconds', () => {
  expect(averageNs([])).toBe(0);
  expect(averageNs([{ count: 0, sumMs: 0 }])).toBe(0);
  expect(
    averageNs([
      { count: 1, sumMs: 4 },
      { count: 3, sumMs: 2.5 },
    ]),
  ).toBe(1_625_000);
});
