import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InFlight } from '../src/rados/objecter/in-flight.ts';

const COUNT_MAX = 1024; // objecter_inflight_ops
const BYTES_MAX = 100 << 20; // objecter_inflight_op_bytes

interface Item {
  readonly bytes: number;
}

/** The bound in the words of its promise, over plain lists. */
class Model {
  readonly running: Item[] = [];
  readonly waiting: Item[] = [];
  readonly started: Item[] = [];

  add(item: Item): void {
    this.waiting.push(item);
    this.advance();
  }

  remove(item: Item): void {
    for (const list of [this.running, this.waiting]) {
      const at = list.indexOf(item);
      if (at >= 0) list.splice(at, 1);
    }
    this.advance();
  }

  private advance(): void {
    for (let next = this.waiting[0]; next && this.hasRoomFor(next); next = this.waiting[0]) {
      this.running.push(this.waiting.shift()!);
      this.started.push(next);
    }
  }

  private hasRoomFor(item: Item): boolean {
    const bytes = this.running.reduce((sum, i) => sum + i.bytes, item.bytes);
    if (this.running.length >= COUNT_MAX) return false;
    return this.running.length === 0 || bytes <= BYTES_MAX;
  }
}

test('requests start in order, within the bounds of number and bytes, whoever is given up meanwhile', () => {
  const sizes = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 120 << 20 }));
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), bytes: sizes }),
    fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const started: Item[] = [];
      const flight = new InFlight<Item>((i) => started.push(i));
      const model = new Model();
      for (const s of steps) {
        if (s.kind === 'add') {
          const item = { bytes: s.bytes };
          flight.add(item);
          model.add(item);
        } else {
          const there = [...model.running, ...model.waiting];
          const item = there[s.which % Math.max(1, there.length)];
          if (!item) continue;
          flight.remove(item);
          model.remove(item);
        }
        expect(started).toEqual(model.started);
        expect(started.every((i, at) => i === model.started[at])).toBe(true);
      }
      expect(flight.giveUp()).toEqual(model.waiting);
    }),
  );
});

test('the number is bounded, and who waits is named when all is given up', () => {
  let started = 0;
  const flight = new InFlight<Item>(() => started++);
  const items = Array.from({ length: COUNT_MAX + 3 }, () => ({ bytes: 1 }));
  for (const item of items) flight.add(item);
  expect(started).toBe(COUNT_MAX);
  flight.remove(items[0]!);
  expect(started).toBe(COUNT_MAX + 1);
  expect(flight.giveUp()).toEqual(items.slice(COUNT_MAX + 1));
  flight.remove(items[1]!);
  expect(started).toBe(COUNT_MAX + 1);
});
