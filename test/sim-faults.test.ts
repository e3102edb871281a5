// Kinds of faults one by one, in short runs: each keeps all promises, and does what it says.
import { describe, expect, it, vi } from 'vitest';
import { Admin } from '../sim/admin.ts';
import { uncleanPgs } from '../sim/checks.ts';
import { SimCluster } from '../sim/cluster.ts';
import { CLUSTER_FLAGS } from '../sim/cluster-flags.ts';
import { BOTCHES } from '../sim/crush-botches.ts';
import type { Fault } from '../sim/faults.ts';
import { Injector } from '../sim/injector.ts';
import { drawOptions, type SimOptions } from '../sim/options.ts';
import { type Plan, planOf, run } from '../sim/run.ts';
import { Workload } from '../sim/workload.ts';
import type { OsdName } from '../src/cluster/index.ts';

const BUSY: Partial<SimOptions> = {
  osds: 4,
  pools: [{ name: 'p0', size: 3, minSize: 2, pgNum: 4 }],
  store: 'memory',
  shards: [1],
  network: { delayMinMs: 0.1, delayMaxMs: 2, splitChance: 0 },
  pace: { commitMinMs: 0.1, commitMaxMs: 5, readMaxMs: 0 },
  clients: 3,
  threads: 2,
  thinkMs: 1000,
  scrubs: false,
  otherAcks: 0,
};

/** One fault after another, at moments given in seconds. */
function planWith(faults: readonly (readonly [number, Fault])[], more: Partial<SimOptions> = {}) {
  const seconds = Math.max(...faults.map(([at]) => at)) + 30;
  const plan = planOf(1, seconds * 1000);
  return {
    ...plan,
    options: { ...plan.options, ...BUSY, ...more },
    faults: faults.map(([at, fault], number) => ({ number, at: at * 1000, fault })),
  };
}

/** What a run tells. */
async function told(plan: Plan): Promise<string[]> {
  const lines: string[] = [];
  const { failures } = await run(plan, { tell: (line) => lines.push(line) });
  expect(failures).toEqual([]);
  return lines;
}

describe('faults of the simulation', () => {
  it('sets flags of the cluster while OSDs die, one flag after another', async () => {
    const lines = await told(
      planWith(
        CLUSTER_FLAGS.flatMap((flag, i): [number, Fault][] => [
          [3 + 8 * i, { kind: 'flags', flags: [flag], forMs: 6000 }],
          [4 + 8 * i, { kind: 'kill', daemon: `osd.${i % 4}`, byPower: i % 2 === 0, forMs: 2500 }],
        ]),
      ),
    );
    const answered = (from: number, to: number): number =>
      lines.filter((line) => {
        const at = Number(line.split(' ', 1)[0]);
        return at >= from && at < to && / (read|append|writeFull) p0\//.test(line);
      }).length;
    // The last one pauses all clients, for 6 s.
    const begin = lines.find((line) => line.includes('flags flags [pause]'))!;
    const at = Number(begin.split(' ', 1)[0]);
    expect(answered(at - 5, at)).toBeGreaterThan(3);
    expect(answered(at + 1, at + 5.5)).toBe(0);
    expect(answered(at + 6, at + 11)).toBeGreaterThan(3);
  });

  it('botches the CRUSH map in every way, shortly and for long', async () => {
    const osds: OsdName[] = ['osd.0', 'osd.1'];
    const lines = await told(
      planWith(
        BOTCHES.flatMap((how, i): [number, Fault][] => {
          const botch = { kind: 'botchCrush', how, pool: 0, osds } as const;
          return [
            [3 + 12 * i, { ...botch, forMs: 20, times: 3 }],
            [6 + 12 * i, { ...botch, forMs: 4000, times: 1 }],
          ];
        }),
      ),
    );
    expect(lines.filter((line) => /crush (move|reweight|rule|add).*: E/.test(line))).toEqual([]);
  });

  it.each([
    ['server', [2]],
    ['symmetric', [3, 1]],
  ])(
    'kills and stalls OSDs with shards that share maps (%s), %j of them',
    async (mode, shards) => {
      const config = new Map([...drawOptions(1).config, ['osd_map_cache_mode', mode]]);
      const faults = Array.from({ length: 8 }, (_, i): [number, Fault][] => [
        [3 + 5 * i, { kind: 'stallShard', osd: `osd.${i % 4}`, shard: i, forMs: 4000 }],
        [5 + 5 * i, { kind: 'kill', daemon: `osd.${(i * 3) % 4}`, byPower: true, forMs: 1500 }],
        [6 + 5 * i, { kind: 'mapStorm', osds: ['osd.1', 'osd.2'], maps: 6, everyMs: 5 }],
      ]).flat();
      const more = { shards, postMaxMs: 2, config, store: 'block' } as const;
      const lines = await told(planWith(faults, more));
      expect(lines.some((line) => /osd\.0 info: .*"shard":1/.test(line))).toBe(true);
    },
    30_000,
  );

  it('empties OSDs and takes them away for good, and new ones take their ids', async () => {
    const lines = await told(
      planWith(
        [
          [3, { kind: 'drain', osd: 'osd.1', isPolite: true }],
          [40, { kind: 'expand' }],
          [60, { kind: 'drain', osd: 'osd.2', isPolite: false }],
          [61, { kind: 'kill', daemon: 'osd.0', byPower: false, forMs: 1000 }],
        ],
        { osds: 5 },
      ),
    );
    const gone = lines.filter((line) => line.includes('remove the machine of'));
    expect(gone.map((line) => line.split(' ').at(-1))).toEqual(['osd.1', 'osd.2']);
    expect(lines.filter((line) => line.endsWith(' start osd.1'))).toHaveLength(2);
  });

  it('keeps an OSD that the others could not do without', async () => {
    const lines = await told(
      planWith([[3, { kind: 'drain', osd: 'osd.1', isPolite: true }]], { osds: 3 }),
    );
    expect(lines.filter((line) => line.includes('remove the machine'))).toEqual([]);
  });

  it('loses machines for good, and gives the id of one to another', async () => {
    const lines = await told(
      planWith(
        [
          [3, { kind: 'lose', osd: 'osd.1', afterMs: 5000 }],
          [50, { kind: 'renew', osd: 'osd.3', afterMs: 100 }],
        ],
        { osds: 5 },
      ),
    );
    const gone = lines.filter((line) => line.includes('remove the machine of'));
    expect(gone.map((line) => line.split(' ').at(-1))).toEqual(['osd.1', 'osd.3']);
    expect(lines.filter((line) => line.endsWith(' start osd.3'))).toHaveLength(2);
  });
});

it('moves nothing for maps that are botched and soon taken back', async () => {
  const OBJECTS = 24;
  const OBJECT_BYTES = 1 << 20;
  const options = { ...drawOptions(1), ...BUSY } as SimOptions;
  const cluster = new SimCluster(1, options);
  const { timeline } = cluster;
  const clean = async (): Promise<void> => {
    const isClean = () => uncleanPgs(cluster).length === 0;
    expect(await timeline.run(timeline.now + 60_000, isClean)).toBe(true);
  };
  await cluster.create();
  const client = await cluster.drive('a client', cluster.client());
  const pool = await cluster.drive('a pool', client.rados.createPool('p0', { pgNum: 4, size: 3 }));
  for (let i = 0; i < OBJECTS; i++) {
    await cluster.drive('a write', pool.object(`o${i}`).writeFull(Buffer.alloc(OBJECT_BYTES, 1)));
  }
  await clean();
  const admin = new Admin(cluster, client);
  const injector = new Injector(cluster, new Workload(cluster, new Set()), admin);
  let chunks = 0;
  let largest = 0;
  const noteData = cluster.network.noteData.bind(cluster.network);
  vi.spyOn(cluster.network, 'noteData').mockImplementation((socket, chunk) => {
    chunks++;
    largest = Math.max(largest, chunk.length);
    noteData(socket, chunk);
  });
  const storms = BOTCHES.map((how, number) => {
    const fault: Fault = {
      kind: 'botchCrush',
      how,
      pool: 0,
      osds: ['osd.0', 'osd.1'],
      forMs: 15,
      times: 5,
    };
    return { number, at: 2000 * number, fault };
  });
  injector.plan(storms, timeline.now);
  const begun = cluster.monitor!.state().osdmap.epoch;
  await timeline.run(timeline.now + 15_000);
  await cluster.drive('the commands', admin.idle());
  await clean();
  expect(cluster.monitor!.state().osdmap.epoch).toBeGreaterThan(begun + 50);
  expect(chunks).toBeGreaterThan(1000);
  // Maps, logs, heartbeats: no object.
  expect(largest).toBeLessThan(OBJECT_BYTES / 4);
});
