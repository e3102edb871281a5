// Places for recovery: the rules of src/common/AsyncReserver.h, 16.2, as promises about any series of events.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ReservationNews, Reservations } from '../src/osd/recovery/reservations.ts';

type Event =
  | { kind: 'request'; priority: number }
  | { kind: 'cancel'; pick: number }
  | { kind: 'setPriority'; pick: number; priority: number }
  | { kind: 'setBounds'; most: number; lowest: number };

const priority = fc.integer({ min: 0, max: 6 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('request' as const), priority }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat() }) },
  fc.record({ kind: fc.constant('setPriority' as const), pick: fc.nat(), priority }),
  fc.record({
    kind: fc.constant('setBounds' as const),
    most: fc.integer({ min: 0, max: 4 }),
    lowest: fc.integer({ min: 0, max: 3 }),
  }),
);

/** Whoever asked and was not sent away, by what it was told. */
class Owners {
  readonly tickets = new Map<string, 'waiting' | 'granted'>();
  hear(news: readonly ReservationNews[]): void {
    for (const { kind, ticket } of news) {
      expect(this.tickets.get(ticket)).toBe(kind === 'granted' ? 'waiting' : 'granted');
      if (kind === 'granted') this.tickets.set(ticket, 'granted');
      else this.tickets.delete(ticket);
    }
  }
  pick(n: number): string | undefined {
    const all = [...this.tickets.keys()];
    return all[n % Math.max(1, all.length)];
  }
}

function run(events: readonly Event[], check: (r: Reservations, owners: Owners) => void): void {
  const r = new Reservations(1);
  const owners = new Owners();
  let next = 0;
  for (const e of events) {
    const ticket = e.kind === 'request' ? `t${next++}` : 'pick' in e ? owners.pick(e.pick) : '';
    if (ticket === undefined) continue;
    if (e.kind === 'request') owners.tickets.set(ticket, 'waiting');
    if (e.kind === 'cancel') owners.tickets.delete(ticket);
    owners.hear(
      e.kind === 'request'
        ? r.request(ticket, e.priority)
        : e.kind === 'cancel'
          ? r.cancel(ticket)
          : e.kind === 'setPriority'
            ? r.setPriority(ticket, e.priority)
            : r.setBounds(e.most, e.lowest),
    );
    check(r, owners);
  }
}

it('gives never more places than the bound, and everybody knows what it has', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) =>
      run(events, (r, owners) => {
        expect(r.inProgress.length).toBeLessThanOrEqual(r.bounds.most);
        const named = (state: string) =>
          [...owners.tickets].filter(([, s]) => s === state).map(([t]) => t);
        expect(r.inProgress.map((x) => x.ticket).sort()).toEqual(named('granted').sort());
        expect(r.queued.map((x) => x.ticket).sort()).toEqual(named('waiting').sort());
      }),
    ),
  );
});

it('leaves no place empty while somebody may have it, and nobody waits behind a lower priority', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) =>
      run(events, (r) => {
        const { most, lowest } = r.bounds;
        const waiting = r.queued.filter((w) => w.priority >= lowest);
        if (r.inProgress.length < most) expect(waiting).toEqual([]);
        const best = Math.max(-1, ...waiting.map((w) => w.priority));
        for (const held of r.inProgress) {
          expect(held.priority).toBeGreaterThanOrEqual(lowest);
          expect(held.priority).toBeGreaterThanOrEqual(best);
        }
      }),
    ),
  );
});

it('starves nobody: with places given back in turn, all get one, the urgent first', () => {
  fc.assert(
    fc.property(fc.array(priority, { minLength: 1, maxLength: 30 }), (priorities) => {
      const r = new Reservations(1);
      const served: string[] = [];
      const preempted: string[] = [];
      const hear = (news: readonly ReservationNews[]): void => {
        for (const n of news) (n.kind === 'granted' ? served : preempted).push(n.ticket);
      };
      for (const [i, p] of priorities.entries()) hear(r.request(`t${i}`, p));
      // Who was preempted asks again, as a PG does.
      for (const ticket of preempted.splice(0)) {
        hear(r.request(ticket, priorities[Number(ticket.slice(1))]!));
      }
      const order: string[] = [];
      while (r.inProgress.length > 0) {
        const [held] = r.inProgress;
        order.push(held!.ticket);
        hear(r.cancel(held!.ticket));
      }
      expect(order.length).toBe(priorities.length);
      const got = order.map((t) => priorities[Number(t.slice(1))]!);
      expect(got).toEqual([...got].sort((a, b) => b - a));
    }),
  );
});

it('keeps the order of asking within a priority', () => {
  const r = new Reservations(1);
  r.request('first', 5);
  r.request('second', 5);
  r.request('third', 5);
  expect(r.cancel('first')).toEqual([{ kind: 'granted', ticket: 'second' }]);
  expect(r.request('urgent', 9)).toEqual([
    { kind: 'preempted', ticket: 'second' },
    { kind: 'granted', ticket: 'urgent' },
  ]);
  expect(r.queued.map((q) => q.ticket)).toEqual(['third']);
});

it('gives nothing with a bound of 0, and nothing below the lowest priority', () => {
  const r = new Reservations(0);
  expect(r.request('a', 200)).toEqual([]);
  expect(r.setBounds(1, 201)).toEqual([]);
  expect(r.setBounds(1, 200)).toEqual([{ kind: 'granted', ticket: 'a' }]);
  expect(r.setPriority('a', 199)).toEqual([{ kind: 'preempted', ticket: 'a' }]);
});
