// What an OSD tells the monitor of its neighbours.
import { expect, it } from 'vitest';
import type { OSDMap } from '../src/maps/index.ts';
import { Neighbours } from '../src/osd/neighbours.ts';
import { ADDR, decodeFront, MOSDFailure } from '../src/wire/index.ts';

const addr = (port: number) => ({ type: ADDR.msgr2, nonce: 1, host: '10.0.0.1', port });

const LEASE = { upFrom: 3, sentMs: 0, leaseMs: 1000 };

class World {
  nowMs = 0;
  readonly accusations: string[] = [];
  readonly neighbours: Neighbours;

  constructor() {
    const osds = [0, 1, 2];
    const map = {
      epoch: 9,
      data: { osdInfo: osds.map(() => ({ upFrom: 3 })), osdXInfo: [] },
      osds: () => osds,
      isUp: () => true,
      clusterAddrs: (osd: number) => [addr(6800 + osd)],
    } as unknown as OSDMap;
    this.neighbours = new Neighbours({
      id: 0,
      fsid: '00000000-0000-0000-0000-000000000000',
      clock: {
        monotonicMs: () => this.nowMs,
        wallMs: () => 0,
        setTimer: () => ({ cancel() {} }),
      },
      log: () => {},
      map,
      isUpNow: true,
      graceSeconds: 20,
      neighbours: () => new Set(osds.slice(1)),
      lease: () => LEASE,
      granted: () => {},
      standBy: () => {},
      send: () => {},
      sendToMon: (m) => {
        const { osd, reason } = decodeFront(MOSDFailure, { front: Buffer.from(m.front) });
        this.accusations.push(`${osd} ${reason}`);
      },
    });
  }

  /** Pings each second; those who are there answer. */
  run(seconds: number, ...there: number[]): void {
    for (let s = 0; s < seconds; s++) {
      this.nowMs += 1000;
      this.neighbours.ping();
      const lease = LEASE;
      for (const osd of there) this.neighbours.onPing(osd, { epoch: 9, isReply: true, lease });
    }
  }
}

it('accuses who does not answer for the grace period, and nobody else', () => {
  const w = new World();
  w.run(30, 1, 2);
  w.run(20, 1);
  expect(w.accusations).toEqual([]);
  w.run(2, 1);
  expect([...new Set(w.accusations)]).toEqual(['2 silent for 20 s']);
});

it('accuses nobody after it was stopped itself', () => {
  const w = new World();
  w.run(5, 1, 2);
  w.nowMs += 60_000;
  w.run(10);
  expect(w.accusations).toEqual([]);
});

it('accuses who has nobody listening at once, and once a second', () => {
  const w = new World();
  w.run(1, 1, 2);
  w.neighbours.refused({ host: '10.0.0.1', port: 6802 });
  w.neighbours.refused({ host: '10.0.0.1', port: 6802 });
  w.neighbours.refused({ host: '10.0.0.1', port: 1 });
  expect(w.accusations).toEqual(['2 connection refused']);
});
