// Leases: who may answer reads, and for how long others have to wait for that.
import { expect, it } from 'vitest';
import { Leases, type MapLife } from '../src/osd/leases.ts';

const LEASE_MS = 1000;

class World {
  nowMs = 100_000;
  upFrom = 5;
  readonly lives = new Map<number, MapLife>();
  readonly leases = this.make();

  make(): Leases {
    const world = this;
    return new Leases({
      nowMs: () => world.nowMs,
      leaseMs: LEASE_MS,
      get upFrom() {
        return world.upFrom;
      },
      life: (osd) => world.lives.get(osd) ?? { isUp: true, upFrom: 7, isDead: false },
    });
  }
}

it('lets a primary read while all other members stand by it, and a little less than that', () => {
  const w = new World();
  const { leases } = w;
  expect(leases.isReadable([])).toBe(true);
  expect(leases.isReadable([1])).toBe(false);
  leases.grant(1, 5, w.nowMs, LEASE_MS);
  expect(leases.isReadable([1])).toBe(true);
  expect(leases.isReadable([1, 2])).toBe(false);
  w.nowMs += 949;
  expect(leases.isReadable([1])).toBe(true);
  w.nowMs += 2;
  expect(leases.isReadable([1])).toBe(false);
});

it('counts from when the word was asked for, and never backwards', () => {
  const w = new World();
  w.leases.grant(1, 5, w.nowMs - 900, LEASE_MS);
  w.leases.grant(1, 5, w.nowMs - 2000, LEASE_MS);
  expect(w.leases.isReadable([1])).toBe(true);
  w.nowMs += 60;
  expect(w.leases.isReadable([1])).toBe(false);
});

it('forgets what was said to a former life of ours', () => {
  const w = new World();
  w.leases.grant(1, 5, w.nowMs, LEASE_MS);
  w.upFrom = 9;
  expect(w.leases.isReadable([1])).toBe(false);
});

it('waits for one that is down until our word has run out, but not for the dead and the living', () => {
  const w = new World();
  w.nowMs += 2 * LEASE_MS;
  expect(w.leases.promise(3, 7, LEASE_MS)).toBe(true);
  w.nowMs += 400;
  expect(w.leases.waitMs([3])).toBe(0);
  w.lives.set(3, { isUp: false, upFrom: 7, isDead: false });
  expect(w.leases.waitMs([3, 4])).toBe(600);
  w.lives.set(3, { isUp: false, upFrom: 7, isDead: true });
  expect(w.leases.waitMs([3])).toBe(0);
  // It came up again, so it has seen that it was down.
  w.lives.set(3, { isUp: true, upFrom: 11, isDead: false });
  expect(w.leases.waitMs([3])).toBe(0);
});

it('stands by nobody who is down in our map, or speaks of another life', () => {
  const w = new World();
  expect(w.leases.promise(3, 8, LEASE_MS)).toBe(false);
  w.lives.set(3, { isUp: false, upFrom: 7, isDead: false });
  expect(w.leases.promise(3, 7, LEASE_MS)).toBe(false);
});

it('assumes after a start that it stood by everybody before', () => {
  const w = new World();
  w.lives.set(3, { isUp: false, upFrom: 7, isDead: false });
  w.nowMs += 300;
  expect(w.leases.waitMs([3])).toBe(700);
  w.nowMs += 700;
  expect(w.leases.waitMs([3])).toBe(0);
});
