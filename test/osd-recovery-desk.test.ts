// One desk for all shards of an OSD: bounds hold over all of them, whatever crosses on the way between threads.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RecoveryDesk } from '../src/osd/recovery/recovery-desk.ts';
import type { RecoveryPort, Reservation } from '../src/osd/recovery/recovery-port.ts';
import { PostedRecovery, RecoveryClerk } from '../src/osd/threads/recovery-posts.ts';

const clock = { monotonicMs: () => 0, wallMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
const bounds = {
  backfills: 1,
  lowestPriority: 0,
  active: 2,
  opPriority: 3,
  clientPriority: 0,
  together: 1,
  sleepMs: 0,
};
const pgid = { pool: 1, seed: 0 };
const turn = () => new Promise<void>((go) => setImmediate(go));

/** A shard whose posts arrive when the test says so. */
class FarShard {
  readonly port: PostedRecovery;
  private readonly ways: (() => void)[] = [];
  constructor(desk: RecoveryPort) {
    const clerk = new RecoveryClerk(desk, (answer) =>
      this.ways.push(() => this.port.answered(answer)),
    );
    this.port = new PostedRecovery((ask) => this.ways.push(() => clerk.asked(ask)));
  }
  get isEmpty(): boolean {
    return this.ways.length === 0;
  }
  deliver(): void {
    this.ways.shift()?.();
  }
}

/** Something with a place, or that waits for one. */
class Place {
  state: 'waiting' | 'granted' | 'gone' = 'waiting';
  private readonly reservation: Reservation;
  constructor(port: RecoveryPort, priority: number) {
    const granted = (): void => {
      expect(this.state).toBe('waiting');
      this.state = 'granted';
    };
    const preempted = (): void => {
      expect(this.state).toBe('granted');
      this.state = 'gone';
    };
    this.reservation = port.reserve({ side: 'local', pgid, priority, granted, preempted });
  }
  release(): void {
    this.reservation.release();
    this.state = 'gone';
  }
}

const step = fc.record({
  kind: fc.constantFrom('reserve', 'release', 'ask', 'cancel', 'done', 'deliver', 'deliver'),
  shard: fc.nat({ max: 2 }),
  n: fc.nat({ max: 9 }),
});

it('keeps its bounds over all shards, and everything is free again when nobody wants anything', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const desk = new RecoveryDesk(clock, bounds);
      const far = [new FarShard(desk), new FarShard(desk)];
      const ports: RecoveryPort[] = [desk, far[0]!.port, far[1]!.port];
      const places: Place[] = [];
      const asks: { cancel(): void; port: RecoveryPort }[] = [];
      const copies: RecoveryPort[] = [];
      const settle = async (): Promise<void> => {
        await turn();
        while (far.some((f) => !f.isEmpty)) {
          for (const f of far) f.deliver();
          await turn();
        }
      };
      for (const { kind, shard, n } of steps) {
        const port = ports[shard]!;
        if (kind === 'reserve') places.push(new Place(port, n));
        if (kind === 'release') places[n]?.release();
        if (kind === 'ask') {
          const start = (count: number): void => {
            for (let i = 0; i < count; i++) copies.push(port);
          };
          asks.push({ ...port.askCopies(0, start), port });
        }
        if (kind === 'cancel') asks[n]?.cancel();
        if (kind === 'done') copies.shift()?.copyDone(0);
        if (kind === 'deliver') far[n % 2]!.deliver();
        await turn();
        expect(copies.length).toBeLessThanOrEqual(bounds.active);
      }
      await settle();
      expect(places.filter((p) => p.state === 'granted').length).toBeLessThanOrEqual(1);
      if (places.some((p) => p.state === 'waiting')) {
        expect(places.some((p) => p.state === 'granted')).toBe(true);
      }
      for (const p of places) p.release();
      for (const a of asks) a.cancel();
      for (const port of copies.splice(0)) port.copyDone(0);
      await settle();
      const last = places.length;
      for (const port of ports) places.push(new Place(port, 5));
      let begun = 0;
      for (const port of ports) port.askCopies(0, (count) => (begun += count));
      await settle();
      expect(places.slice(last).map((p) => p.state)).toContain('granted');
      expect(begun).toBe(bounds.active);
    }),
    { numRuns: 60 },
  );
});

it('lets the share of osd_recovery_op_priority run beside clients, and all when they are gone', async () => {
  let nowMs = 0;
  let requests = 0;
  const many = { ...bounds, active: 10, clientPriority: 63 };
  const desk = new RecoveryDesk({ ...clock, monotonicMs: () => nowMs }, many, () => requests);
  let running = 0;
  const ask = (): void => {
    desk.askCopies(0, (count) => {
      running += count;
    });
  };
  const pass = async (): Promise<void> => {
    nowMs += 60;
    running--;
    desk.copyDone(0);
    await turn();
  };
  requests++;
  for (let i = 0; i < 20; i++) ask();
  await turn();
  expect(running).toBe(1);
  requests++;
  await pass();
  expect(running).toBe(1);
  await pass();
  expect(running).toBe(10);
});

it('shows who has a place and who waits, as dump_recovery_reservations of Ceph', async () => {
  const desk = new RecoveryDesk(clock, bounds);
  new Place(desk, 190);
  new Place(desk, 110);
  await turn();
  const item = (prio: number) => ({ item: '1.0', prio, can_preempt: true });
  expect(desk.dump()).toMatchObject({
    local_reservations: {
      max_allowed: 1,
      min_priority: 0,
      queues: [{ priority: 110, items: [item(110)] }],
      in_progress: [item(190)],
    },
    remote_reservations: { queues: [], in_progress: [] },
  });
  desk.setBounds({ ...bounds, backfills: 2 });
  expect(desk.dump()).toMatchObject({
    local_reservations: { queues: [], in_progress: [item(190), item(110)] },
  });
});
