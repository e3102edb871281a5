/**
 * How long until a new OSD map is usable on all shards of an OSD: worker threads that share maps through SharedMaps, in
 * both modes. Run: npm run bench:map-cache [-- EPOCHS [OSDS,OSDS...]]
 *
 * From just before the offer, on the shards in turn, to the last shard that has the map and has placed a PG with it. The
 * main thread only collects. Epochs follow one another when all shards have the last one. The processor time is of the
 * whole process, per epoch.
 */
import { cpus } from 'node:os';
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import {
  type MapCacheMode,
  type MapKind,
  type MapMessage,
  OSDMap,
  SharedMaps,
} from '../src/maps/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import type { PgId } from '../src/wire/index.ts';
import { mapOfCluster, nextOf } from './support/cluster-map.ts';

interface ShardData {
  readonly shard: number;
  readonly mode: MapCacheMode;
  readonly elders: readonly number[];
  /** To the other shards, by their numbers. */
  readonly ports: ReadonlyMap<number, MessagePort>;
  readonly base: Uint8Array;
}
interface Offer {
  readonly kind: MapKind;
  readonly epoch: number;
  readonly bytes: Uint8Array;
}
/** A time that all threads of the machine share, in ms. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

function runShard({ shard, mode, elders, ports, base }: ShardData): void {
  const maps = new SharedMaps({
    ...{ shard, mode, elders, epochsMax: 50, crc32c: nativeCrc32c },
    current: OSDMap.decode(base, nativeCrc32c),
    link: { send: (to, message) => ports.get(to)!.postMessage(message) },
    onMap: (map) => {
      map.pgToUpActing({ pool: 1, seed: map.epoch % 32 });
      parentPort!.postMessage({ epoch: map.epoch, atMs: now() });
    },
    onConflict: ({ kind, epoch }) => fail(new Error(`conflict: ${kind} ${epoch}`)),
    onFailure: fail,
  });
  for (const [from, port] of ports) {
    port.on('message', (message: MapMessage) => maps.receive(from, message));
  }
  parentPort!.on('message', ({ kind, epoch, bytes }: Offer) => {
    parentPort!.postMessage({ offeredMs: now() });
    maps.offer(kind, epoch, bytes).catch(fail);
  });
}

function fail(error: unknown): never {
  throw error;
}

/** Threads do not inherit what lets Node read TypeScript. */
const THREAD = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(${JSON.stringify(import.meta.url)});
});`;

/** As many shards as `count`, each joined to each. */
class Shards {
  private readonly workers: Worker[];
  private waiting: { epoch: number; left: number; done: () => void } | undefined;
  private offeredMs = 0;
  private lastMs = 0;

  constructor(count: number, mode: MapCacheMode, base: Uint8Array) {
    const ports = Array.from({ length: count }, () => new Map<number, MessagePort>());
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        const { port1, port2 } = new MessageChannel();
        ports[a]!.set(b, port1);
        ports[b]!.set(a, port2);
      }
    }
    this.workers = ports.map((mine, shard) => {
      const elders = [...mine.keys()].filter((other) => other < shard);
      const data: ShardData = { shard, mode, elders, ports: mine, base };
      const worker = new Worker(THREAD, {
        eval: true,
        workerData: data,
        transferList: [...mine.values()],
      });
      worker.on('message', (m: { epoch: number; atMs: number } | { offeredMs: number }) =>
        'offeredMs' in m ? this.offered(m.offeredMs) : this.reached(m.epoch, m.atMs),
      );
      worker.on('error', fail);
      return worker;
    });
  }

  /** @returns ms until the last shard had the map */
  async offer(offer: Offer): Promise<number> {
    this.lastMs = 0;
    const { length } = this.workers;
    const all = new Promise<void>((done) => {
      // One message more is that of the offer's own time.
      this.waiting = { epoch: offer.epoch, left: length + 1, done };
    });
    this.workers[offer.epoch % length]!.postMessage(offer);
    await all;
    return this.lastMs - this.offeredMs;
  }

  private offered(atMs: number): void {
    this.offeredMs = atMs;
    this.oneLess();
  }
  private reached(epoch: number, atMs: number): void {
    if (epoch !== this.waiting?.epoch) throw new Error(`epoch ${epoch}`);
    this.lastMs = Math.max(this.lastMs, atMs);
    this.oneLess();
  }
  private oneLess(): void {
    this.waiting!.left--;
    if (this.waiting!.left === 0) this.waiting!.done();
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

const WARM_UP = 20;

async function measure(mode: MapCacheMode, count: number, base: Uint8Array, offers: Offer[]) {
  const shards = new Shards(count, mode, base);
  for (const offer of offers.slice(0, WARM_UP)) await shards.offer(offer);
  const times: number[] = [];
  const before = process.cpuUsage();
  for (const offer of offers.slice(WARM_UP)) times.push(await shards.offer(offer));
  const { user, system } = process.cpuUsage(before);
  await shards.end();
  times.sort((a, b) => a - b);
  const at = (part: number): string => times[Math.floor(part * (times.length - 1))]!.toFixed(2);
  return [at(0.5), at(0.99), at(1), ((user + system) / 1000 / times.length).toFixed(2)];
}

/** What one thread does for a map, without the others. */
function decodeAlone(base: OSDMap, offers: readonly Offer[]): void {
  const bytes = base.encode();
  const times = Array.from({ length: 15 }, () => {
    const from = now();
    OSDMap.decode(bytes, nativeCrc32c);
    return now() - from;
  }).sort((a, b) => a - b);
  const sizes = `full map ${(bytes.length / 1024).toFixed(0)} KiB, change ${offers[0]!.bytes.length} bytes`;
  console.log(
    `${base.data.maxOsd} OSDs: ${sizes}; a full map is decoded in ${times[7]!.toFixed(2)} ms`,
  );
}

/**
 * What one shard of so many does to learn which PGs of its part an OSD has: when a weight changed, and when other OSDs
 * came or went.
 */
function findPgs(base: OSDMap): void {
  const pools = [...base.data.pools.values()];
  const pgs = pools.reduce((sum, { pgNum }) => sum + pgNum, 0);
  for (const count of [1, 2, 4]) {
    const isHere = ({ pool, seed }: PgId): boolean => (pool + seed) % count === 0;
    const timed = (map: OSDMap): number => {
      const from = now();
      map.pgsOfOsd(1, isHere);
      return now() - from;
    };
    const anew: number[] = [];
    const kept: number[] = [];
    for (let i = 0, map = base; i < 15; i++) {
      map = new OSDMap({ ...map.data, osdWeight: map.data.osdWeight.with(0, i + 1) }, nativeCrc32c);
      anew.push(timed(map));
      do map = nextOf(map).map;
      while (map.epoch % 4 !== 0);
      kept.push(timed(map));
    }
    const median = (times: number[]): string => times.sort((a, b) => a - b)[7]!.toFixed(2);
    console.log(
      `the PGs of an OSD, of ${pgs} over ${count} shards: anew ${median(anew)} ms, when others come and go ${median(kept)} ms`,
    );
  }
}

async function main(): Promise<void> {
  const epochs = Number(process.argv[2] ?? 300);
  const sizes = process.argv[3]?.split(',').map(Number) ?? [3, 100, 1000, 10_000];
  console.log(`${cpus()[0]!.model} x ${cpus().length}, Node ${process.version}; ms`);
  for (const osds of sizes) {
    const base = mapOfCluster(osds);
    const count = WARM_UP + Math.ceil(osds === 10_000 ? epochs / 10 : epochs);
    const offers: Record<MapKind, Offer[]> = { change: [], full: [] };
    for (let map = base, i = 0; i < count; i++) {
      const next = nextOf(map);
      map = next.map;
      offers.change.push({ kind: 'change', epoch: map.epoch, bytes: next.change });
      // Full maps are large, and fewer will do.
      if (i < WARM_UP + count / 5) {
        offers.full.push({ kind: 'full', epoch: map.epoch, bytes: map.encode() });
      }
    }
    decodeAlone(base, offers.change);
    if (osds <= 1000) findPgs(base);
    console.log('        shards  mode        median     p99   worst     cpu');
    for (const kind of ['change', 'full'] as const) {
      for (const shards of [1, 2, 4]) {
        for (const mode of ['server', 'symmetric'] as const) {
          const figures = await measure(mode, shards, base.encode(), offers[kind]);
          const numbers = figures.map((f) => f.padStart(8)).join('');
          console.log(
            `${kind.padEnd(8)}${String(shards).padStart(6)}  ${mode.padEnd(10)}${numbers}`,
          );
        }
      }
    }
  }
}

if (isMainThread) await main();
else runShard(workerData as ShardData);
