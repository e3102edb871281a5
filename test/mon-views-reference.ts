import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Decoder } from '../src/codec/index.ts';
import { MonMap, OSDMap } from '../src/maps/index.ts';
import type { MonState } from '../src/mon/index.ts';
import { IO_IDLE, type IoRates } from '../src/mon/state.ts';
import {
  type EVersion,
  emptyStatSum,
  type OsdStat,
  type PgStat,
  type PoolStat,
  parsePgId,
  parsePgState,
  type UTime,
} from '../src/wire/index.ts';

// What a real cluster said in one state (golden/mon/NAME.json.gz), and that state as our monitor would hold it.

/** A command, its format, and what came back: result, text for stderr, output. */
export type Reply = [
  cmd: { prefix: string } & Record<string, unknown>,
  format: string | null,
  result: number,
  status: string,
  output: string,
];
// biome-ignore lint/suspicious/noExplicitAny: JSON written by another program, read by the few lines below
type Foreign = any;

export interface Reference {
  readonly state: MonState;
  readonly replies: readonly Reply[];
  /** What each pool holds on the disks of the real OSDs. */
  readonly pools: ReadonlyMap<string, PoolStat>;
}

export function loadReference(name: string): Reference {
  const path = new URL(`./golden/mon/${name}.json.gz`, import.meta.url);
  const { state: s, replies } = JSON.parse(gunzipSync(readFileSync(path)).toString()) as {
    state: Foreign;
    replies: Reply[];
  };
  const osdmap = OSDMap.decode(Buffer.from(s.osdmap, 'base64'));
  const nowMs = s.time * 1000 + 150;
  const state: MonState = {
    fsid: osdmap.fsid,
    createdMs: 0,
    nowMs,
    name: 'a',
    startedMs: nowMs - s.quorumAge * 1000 - 500,
    electionEpoch: s.electionEpoch,
    osdmap,
    monmap: MonMap.decode(new Decoder(Buffer.from(s.monmap, 'base64'))),
    mgr: {
      epoch: s.mgr.epoch,
      available: s.mgr.available,
      name: s.mgr.active_name,
      globalId: s.mgr.active_gid,
      addrs: [],
      startedMs: msOf(s.mgr.active_change),
    },
    commitVersion: 1,
    oldestEpoch: 1,
    pgStats: new Map(s.pgs.map((pg: Foreign) => [pg.pgid, pgStat(pg)])),
    osdStats: new Map(s.osds.map((o: Foreign) => [o.osd, osdStat(o)])),
    slowOps: new Map(),
    pgMapVersion: s.pgVersion,
    pgMapStampMs: msOf(s.pgStamp),
    osdMetadata: new Map(
      Object.entries(s.osdMeta).map(([id, meta]) => [
        Number(id),
        new Map(Object.entries(meta as Foreign)),
      ]),
    ) as MonState['osdMetadata'],
    monMetadata: new Map(Object.entries(s.monMeta.a)) as MonState['monMetadata'],
    mgrMetadata: new Map(Object.entries(s.mgrMeta.x)) as MonState['mgrMetadata'],
    poolRates: new Map(
      s.poolRates.map((p: Foreign) => [
        p.pool_id,
        rates({ ...p.client_io_rate, ...p.recovery_rate }),
      ]),
    ),
    totalRates: rates(s.pgmap),
    progress: [],
    config: [],
    healthMutes: new Map(
      s.mutes.map((m: Foreign) => [
        m.code,
        { ...m, expiresMs: m.ttl === undefined ? undefined : msOf(m.ttl) },
      ]),
    ),
    serviceMap: { epoch: s.service.epoch, modifiedMs: msOf(s.service.modified) },
    fsMapEpoch: s.fsEpoch,
    log: s.log.map((e: Foreign) => ({
      who: e.name,
      entity: { type: 1, num: 0 },
      addrs: MonMap.decode(new Decoder(Buffer.from(s.monmap, 'base64'))).monInfo.get('a')!
        .publicAddrs,
      stampMs: msOf(e.stamp),
      seq: BigInt(e.seq),
      priority: ['[DBG]', '[INF]', '[SEC]', '[WRN]', '[ERR]'].indexOf(e.priority),
      channel: e.channel,
      text: e.message,
    })),
    sessions: Object.entries(s.features).flatMap(([kind, sets]) =>
      (sets as Foreign[]).flatMap((set) =>
        Array.from({ length: kind === 'mon' ? 0 : set.num }, () => ({
          entity: { type: { osd: 4, client: 8, mgr: 16 }[kind] ?? 0, num: 0 },
          addr: { type: 0, nonce: 0, host: '', port: 0 },
          globalId: 0,
          features: BigInt(set.features),
        })),
      ),
    ),
    option: (name) => OPTIONS[name] ?? '',
    osdmapAt: () => undefined,
    osdmapBytes: () => undefined,
    configKeys: { get: () => undefined, entries: () => [] },
  };
  return { state, replies, pools: new Map(s.poolStats.map((p: Foreign) => poolStat(state, p))) };
}

const OPTIONS: Readonly<Record<string, number | boolean>> = {
  osd_pool_default_size: 3,
  mon_pg_stuck_threshold: 60,
  mon_max_pg_per_osd: 1000,
  mon_warn_on_pool_no_redundancy: true,
};

function utimeOf(text: string): UTime {
  const m = /^(.*)\.(\d{6})/.exec(text)!;
  if (!m[1]!.includes('T')) return { sec: Number(m[1]), nsec: Number(m[2]) * 1000 };
  return { sec: Date.parse(`${m[1]}Z`) / 1000, nsec: Number(m[2]) * 1000 };
}
function msOf(text: string): number {
  const t = utimeOf(text);
  return t.sec * 1000 + t.nsec / 1e6;
}
function versionOf(text: string): EVersion {
  const [epoch = '0', version = '0'] = text.split("'");
  return { epoch: Number(epoch), version: BigInt(version) };
}

function rates(r: Foreign): IoRates {
  return {
    ...IO_IDLE,
    readBytes: r.read_bytes_sec ?? 0,
    writeBytes: r.write_bytes_sec ?? 0,
    readOps: r.read_op_per_sec ?? 0,
    writeOps: r.write_op_per_sec ?? 0,
    recoveryBytes: r.recovering_bytes_per_sec ?? 0,
    recoveryObjects: r.recovering_objects_per_sec ?? 0,
    recoveryKeys: r.recovering_keys_per_sec ?? 0,
  };
}

function pgStat(p: Foreign): PgStat {
  return {
    pgid: parsePgId(p.pgid)!,
    state: parsePgState(p.state.replace(/^stale\+/, ''))!,
    version: versionOf(p.version),
    reportedSeq: BigInt(p.reported_seq),
    reportedEpoch: p.reported_epoch,
    up: p.up,
    acting: p.acting,
    upPrimary: p.up_primary,
    actingPrimary: p.acting_primary,
    lastFresh: utimeOf(p.last_fresh),
    lastChange: utimeOf(p.last_change),
    lastActive: utimeOf(p.last_active),
    lastPeered: utimeOf(p.last_peered),
    lastClean: utimeOf(p.last_clean),
    lastUnstale: utimeOf(p.last_unstale),
    lastUndegraded: utimeOf(p.last_undegraded),
    lastFullsized: utimeOf(p.last_fullsized),
    mappingEpoch: p.mapping_epoch,
    created: p.created,
    lastEpochClean: p.last_epoch_clean,
    logStart: versionOf(p.log_start),
    logSize: p.log_size,
    ondiskLogSize: p.ondisk_log_size,
    statsSum: statSum(p.stat_sum),
    statsInvalid: p.stats_invalid,
    lastScrub: versionOf(p.last_scrub),
    lastScrubStamp: utimeOf(p.last_scrub_stamp),
    lastDeepScrub: versionOf(p.last_deep_scrub),
    lastDeepScrubStamp: utimeOf(p.last_deep_scrub_stamp),
    lastCleanScrubStamp: utimeOf(p.last_clean_scrub_stamp),
    blockedBy: [],
    availNoMissing: [],
  };
}

/** Names in a dump that do not follow from ours by writing them with underscores. */
const RENAMED: Readonly<Record<string, string>> = {
  numRd: 'num_read',
  numRdKb: 'num_read_kb',
  numWr: 'num_write',
  numWrKb: 'num_write_kb',
};
function statSum(s: Foreign): PgStat['statsSum'] {
  const sum = emptyStatSum();
  for (const key of Object.keys(sum) as (keyof typeof sum)[]) {
    const name = RENAMED[key] ?? key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    if (typeof s[name] !== 'number') throw new Error(`the dump has no ${name}`);
    sum[key] = s[name];
  }
  return sum;
}

function osdStat(o: Foreign): OsdStat {
  const { total, available, internally_reserved, allocated, omap_allocated, internal_metadata } =
    o.statfs;
  return {
    upFrom: o.up_from,
    totalBytes: total,
    usedBytes: total - available - internally_reserved,
    availableBytes: available,
    dataBytes: allocated,
    omapBytes: omap_allocated,
    metadataBytes: internal_metadata,
    compressed: [],
    numPgs: o.num_pgs,
    heartbeatPeers: o.hb_peers,
    numShardsRepaired: o.num_shards_repaired ?? 0,
    commitLatencyNs: 0,
    applyLatencyNs: 0,
    pingTimes: [],
  };
}

function poolStat(state: MonState, p: Foreign): [string, PoolStat] {
  const sum = emptyStatSum();
  for (const pg of state.pgStats.values()) {
    if (pg.pgid.pool !== p.poolid) continue;
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += pg.statsSum[key];
  }
  const s = p.store_stats;
  return [
    state.osdmap.poolName(p.poolid)!,
    {
      stats: { sum, categories: 0 },
      logSize: 0,
      ondiskLogSize: 0,
      up: 0,
      acting: 0,
      storeStats: {
        total: s.total,
        available: s.available,
        internallyReserved: s.internally_reserved,
        allocated: s.allocated,
        dataStored: s.data_stored,
        dataCompressed: s.data_compressed,
        dataCompressedAllocated: s.data_compressed_allocated,
        dataCompressedOriginal: s.data_compressed_original,
        omapAllocated: s.omap_allocated,
        internalMetadata: s.internal_metadata,
      },
      numStoreStats: p.num_store_stats,
    },
  ];
}
