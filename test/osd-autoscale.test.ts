// The autoscaler in mode `on`, on a whole cluster in virtual time.
import { expect, it } from 'vitest';
import { changingPools, uncleanPgs } from '../sim/checks.ts';
import { SimCluster } from '../sim/cluster.ts';
import { drawOptions } from '../sim/options.ts';
import type { Pool } from '../src/client/index.ts';

const MIB = 2 ** 20;
const OBJECT = Buffer.alloc(MIB, 'x');
/** Three OSDs have room for 768 MiB, so these with their second copies are an eighth of that. */
const OBJECTS = 48;
/** No request takes longer, whatever becomes of its PG: two rounds of peering and what a client waits to send again. */
const SERVED_MS = 2000;

/** Changes and reads one object, again and again. */
class Steady {
  longestMs = 0;
  count = 0;
  wrong = '';
  isOver = false;
  private readonly cluster: SimCluster;

  constructor(cluster: SimCluster) {
    this.cluster = cluster;
  }

  async run(pool: Pool, name: string): Promise<void> {
    const { timeline } = this.cluster;
    let text = '';
    while (!this.isOver) {
      const beganMs = timeline.now;
      text += `${this.count++},`;
      await pool.object(name).append(`${this.count - 1},`);
      const got = (await pool.object(name).read()).toString();
      if (got !== text) this.wrong ||= `${name} is ${got}, not ${text}`;
      this.longestMs = Math.max(this.longestMs, timeline.now - beganMs);
      await timeline.sleep(250);
    }
  }
}

it('gives a pool PGs as it grows, and takes them as it shrinks, while it serves', async () => {
  const drawn = drawOptions(1, 3);
  const cluster = new SimCluster(1, {
    ...drawn,
    ...{ osds: 3, store: 'memory', shards: [1], pools: [] },
    network: { delayMinMs: 0.1, delayMaxMs: 0.5, splitChance: 0 },
    pace: { commitMinMs: 0.1, commitMaxMs: 2, readMaxMs: 0 },
    config: new Map([['mgr_debug_aggressive_pg_num_changes', 'true']]),
  });
  await cluster.create();
  const { rados } = await cluster.drive('a client', cluster.client());
  const set = (name: string, val: string) =>
    rados.command({ prefix: 'osd pool set', pool: 'p', var: name, val });
  const pool = await cluster.drive('a pool', rados.createPool('p', { pgNum: 4, size: 2 }));
  await cluster.drive('its least', set('pg_num_min', '4'));
  await cluster.drive('its mode', set('pg_autoscale_mode', 'on'));
  const pgNum = (): number => cluster.monitor!.state().osdmap.pool(pool.id)!.pgNum;
  const seen = new Set<number>();
  const settles = async (count: number): Promise<void> => {
    const isThere = await cluster.timeline.run(cluster.timeline.now + 300_000, () => {
      seen.add(pgNum());
      const isStill = changingPools(cluster).length + uncleanPgs(cluster).length === 0;
      return pgNum() === count && isStill;
    });
    expect([isThere, pgNum()]).toEqual([true, count]);
  };
  const steady = new Steady(cluster);
  const clients = ['a', 'b'].map((name) => steady.run(pool, name));
  await settles(4);

  const names = Array.from({ length: OBJECTS }, (_, i) => `large${i}`);
  const fill = names.map((name) => pool.object(name).writeFull(OBJECT));
  await cluster.drive('what fills it', Promise.all(fill));
  await settles(16);
  for (const name of names) {
    const got = await cluster.drive(name, pool.object(name).read());
    expect(got.equals(OBJECT), name).toBe(true);
  }

  await cluster.drive('the end of it', Promise.all(names.map((n) => pool.object(n).remove())));
  await settles(4);
  steady.isOver = true;
  await cluster.drive('the last requests', Promise.all(clients));
  expect(steady.wrong).toBe('');
  expect(steady.longestMs).toBeLessThan(SERVED_MS);
  expect(steady.count).toBeGreaterThan(500);
  // PGs are split at once, since that moves nothing, and merged one by one.
  expect([...seen].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  expect(cluster.fatal).toEqual([]);
  expect(cluster.errors).toEqual([]);
}, 60_000);
