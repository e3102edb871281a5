/**
 * What this machine can do, and beside it what a cluster of ours reaches of it: one monitor and three OSDs, size 3, driven
 * by Debian's `rados bench`, and a block store alone. All in this run, one after another.
 * Run: npm run bench:limits -- [--seconds 2, a whole number] [--dir DIRECTORY] [--no-cluster]
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { tempFolder } from '../test/support/temp-folder.ts';
import { benchPool, startOurs } from './support/clusters.ts';
import { shown, table } from './support/figures.ts';
import { lmdbRate, sequentialRate, syncTimes } from './support/limit-disk.ts';
import { loopbackRate } from './support/limit-loopback.ts';
import { copyRate, crcRate } from './support/limit-memory.ts';
import { messageHop, poolCall } from './support/limit-threads.ts';
import { machine } from './support/processes.ts';
import { clean, type Load, radosBench } from './support/rados-bench.ts';
import { storeWriteRate } from './support/store-load.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    dir: { type: 'string', default: tmpdir() },
    cluster: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const seconds = Number(values.seconds);
const COPIES = 3;
const MIB4 = 4 << 20;

/** Operations a second of our cluster. */
interface Reached {
  readonly w4k1: number;
  readonly w4k: number;
  readonly r4k: number;
  readonly w4m: number;
  readonly r4m: number;
}

async function ourCluster(): Promise<Reached> {
  const cluster = await startOurs(3);
  try {
    await benchPool(cluster);
    const run = async (load: Load, time = seconds): Promise<number> =>
      (await radosBench(cluster.conf, time, load)).opsPerSecond;
    const small = { bytes: 4096, depth: 16 };
    const large = { bytes: MIB4, depth: 16 };
    await run({ what: 'write', ...small }, 10); // warm-up
    const w4k1 = await run({ what: 'write', ...small, depth: 1 });
    const w4k = await run({ what: 'write', ...small });
    const r4k = await run({ what: 'rand', ...small });
    await clean(cluster.conf);
    const w4m = await run({ what: 'write', ...large });
    const r4m = await run({ what: 'seq', ...large });
    return { w4k1, w4k, r4k, w4m, r4m };
  } finally {
    await cluster.stop();
  }
}

const GB = 1e9;
const MB = 1e6;
/** A limit, its unit, and what of ours stands beside it in the same unit. */
type Row = readonly [
  what: string,
  limit: number,
  unit: string,
  ours?: readonly [what: string, reached: number],
];

const dir = tempFolder('limits', values.dir);
try {
  const copy = copyRate(seconds) / GB;
  const crcs = [4096, MIB4].map((bytes) => crcRate(bytes, seconds) / GB) as [number, number];
  const fdatasync = syncTimes(dir, 'fdatasync', seconds);
  const dsync = syncTimes(dir, 'O_DSYNC', seconds);
  const sequential = (await sequentialRate(dir, seconds)) / MB;
  const batches = { 1: await lmdbRate(dir, 1, seconds), 16: await lmdbRate(dir, 16, seconds) };
  const trip = await loopbackRate(128, 1, seconds);
  const requests = await loopbackRate(128, 16, seconds);
  const blocks = await loopbackRate(4096, 16, seconds);
  const bulk = await loopbackRate(MIB4, 4, seconds);
  const hop = await messageHop(seconds);
  const call = await poolCall(seconds);
  const store = {
    1: await storeWriteRate(dir, 1, seconds),
    16: await storeWriteRate(dir, 16, seconds),
  };
  const ours = values.cluster ? await ourCluster() : undefined;
  const beside = (what: string, of: (o: Reached) => number): Row[3] => ours && [what, of(ours)];

  const bytes4m = (rate: number): number => rate * MIB4;
  const rows: Row[] = [
    ['memory copied', copy, 'GB/s', beside('4 MiB reads', (o) => bytes4m(o.r4m) / GB)],
    ['crc32c of 4 KiB', crcs[0], 'GB/s', beside('4 KiB reads', (o) => (o.r4k * 4096) / GB)],
    ['crc32c of 4 MiB', crcs[1], 'GB/s', beside('4 MiB writes', (o) => bytes4m(o.w4m) / GB)],
    [
      '4 KiB write and fdatasync, by the median',
      1000 / fdatasync.medianMs,
      '/s',
      ['store, 4 KiB writes, depth 1', store[1]],
    ],
    ['the same, by the 99th percentile', 1000 / fdatasync.p99Ms, '/s'],
    [
      '4 KiB write with O_DSYNC, by the median',
      1000 / dsync.medianMs,
      '/s',
      beside('cluster, 4 KiB writes, depth 1', (o) => o.w4k1),
    ],
    ['the same, by the 99th percentile', 1000 / dsync.p99Ms, '/s'],
    [
      'the disk written in order, O_DIRECT',
      sequential,
      'MB/s',
      beside('4 MiB writes, three copies', (o) => (bytes4m(o.w4m) * COPIES) / MB),
    ],
    [
      'LMDB batches, durable, depth 1',
      batches[1],
      '/s',
      ['store, 4 KiB writes, depth 1', store[1]],
    ],
    [
      'LMDB batches, durable, depth 16',
      batches[16],
      '/s',
      ['store, 4 KiB writes, depth 16', store[16]],
    ],
    [
      'loopback, requests of 128 bytes, depth 16',
      requests.perSecond,
      '/s',
      beside('4 KiB reads, depth 16', (o) => o.r4k),
    ],
    [
      'loopback, requests of 4 KiB, depth 16',
      blocks.perSecond,
      '/s',
      beside('4 KiB writes, three copies', (o) => o.w4k * COPIES),
    ],
    [
      'loopback, requests of 4 MiB',
      (bulk.perSecond * MIB4) / MB,
      'MB/s',
      beside('4 MiB reads', (o) => bytes4m(o.r4m) / MB),
    ],
  ];
  console.log(`${machine()}; ${seconds} s each\n`);
  console.log(
    table(
      ['limit', 'here', 'unit', 'of ours', 'reached', 'part'],
      rows.map(([what, limit, unit, of]) => [
        what,
        shown(limit),
        unit,
        of?.[0] ?? '',
        of ? shown(of[1]) : '',
        of ? `${shown((of[1] / limit) * 100)} %` : '',
      ]),
    ),
  );
  const times: [string, number][] = [
    ['4 KiB write and fdatasync, median', fdatasync.medianMs * 1000],
    ['4 KiB write and fdatasync, 99th percentile', fdatasync.p99Ms * 1000],
    ['4 KiB write with O_DSYNC, median', dsync.medianMs * 1000],
    ['4 KiB write with O_DSYNC, 99th percentile', dsync.p99Ms * 1000],
    ['loopback, there and back, 128 bytes', trip.meanMicroseconds],
    ['message to a thread, one way', hop],
    ["call of libuv's threads and back", call],
  ];
  console.log(
    `\n${table(
      ['', 'us'],
      times.map(([what, us]) => [what, shown(us)]),
    )}`,
  );
} finally {
  await rm(dir, { recursive: true });
}
