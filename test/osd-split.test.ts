import { describe, expect, it } from 'vitest';
import type { Pool, Rados } from '../src/client/index.ts';
import { MemoryStore, type ObjectStore } from '../src/store/index.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { heldOf, namesIn } from './support/pool-content.ts';
import { until } from './support/until.ts';

async function json(rados: Rados, prefix: string, more = {}) {
  const { output } = await rados.command({ prefix, format: 'json', ...more });
  return JSON.parse(output.toString());
}

async function set(rados: Rados, name: string, val: number): Promise<void> {
  await rados.command({ prefix: 'osd pool set', pool: 'p', var: name, val: String(val) });
}

/** The pool has come to so many PGs, all clean. */
async function hasSettled(rados: Rados, pgNum: number): Promise<boolean> {
  const { pools } = await json(rados, 'osd dump');
  const pool = pools.find((p: { pool_name: string }) => p.pool_name === 'p');
  if (pool.pg_num !== pgNum || pool.pg_placement_num !== pgNum || pool.pg_num_pending !== pgNum)
    return false;
  const { pg_summary: summary } = await json(rados, 'pg stat');
  const states: { name: string; num: number }[] = summary.num_pg_by_state;
  return states.length === 1 && states[0]!.name === 'active+clean';
}

/** Clients that append to their own objects, one line after another, until they are stopped. */
class Writers {
  readonly written = new Map<string, string>();
  private isStopped = false;
  private readonly all: Promise<void>[];

  constructor(pool: Pool, count: number) {
    this.all = Array.from({ length: count }, (_, i) => this.run(pool, `w${i}`));
  }

  private async run(pool: Pool, name: string): Promise<void> {
    const object = pool.object(name);
    for (let n = 0; !this.isStopped; n++) {
      const line = `${name}:${n}\n`;
      await object.append(line);
      this.written.set(name, (this.written.get(name) ?? '') + line);
      if (n % 8 === 0) {
        const read = (await object.read()).toString();
        if (read !== this.written.get(name)) throw new Error(`${name} is misread after ${n}`);
      }
    }
  }

  async stop(): Promise<ReadonlyMap<string, string>> {
    this.isStopped = true;
    await Promise.all(this.all);
    return this.written;
  }
}

const FAST = new Map([['mgr_debug_aggressive_pg_num_changes', 'true']]);

describe('pg_num while clients write', () => {
  it.each([1, 2])(
    'goes up and down on OSDs of %i shards; nothing is lost, done twice or misread, and listings are whole',
    async (shards) => {
      const lasting = (store: ObjectStore) => Object.assign(store, { close: async () => {} });
      const storeOf = () => lasting(new MemoryStore());
      await using c = await OsdCluster.start(3, storeOf, shards, FAST);
      const rados = await c.client();
      const pool = await rados.createPool('p', { pgNum: 4 });
      const still = Array.from({ length: 100 }, (_, i) => `still${i}`);
      for (const name of still) await pool.object(name).writeFull(name);
      const writers = new Writers(pool, 12);
      await set(rados, 'pg_num', 8);
      await until(() => hasSettled(rados, 8));
      const midway = (await namesIn(pool)).filter((name) => name.startsWith('still'));
      expect(midway).toEqual([...still].sort());
      await set(rados, 'pg_num', 7);
      await until(() => hasSettled(rados, 7));
      const written = await writers.stop();
      expect(await namesIn(pool)).toEqual([...still, ...written.keys()].sort());
      for (const [name, text] of written) {
        expect((await pool.object(name).read()).toString(), name).toBe(text);
      }
      await until(() => hasSettled(rados, 7));
      expect(c.fatal).toEqual([]);
      const [first, ...others] = await Promise.all(
        c.shardStores.map(async (stores) => {
          const parts = await Promise.all(stores.map((store) => heldOf(store, pool.id)));
          return new Map(parts.flatMap((part) => [...part]).sort());
        }),
      );
      for (const other of others) expect(other).toEqual(first);
    },
    120_000,
  );
});
