import { ClusterLog } from '../src/mon/cluster-log.ts';
import type { Caller, CommandReply } from '../src/mon/command.ts';
import { CommandTable } from '../src/mon/dispatch.ts';
import { createMonStore, type MonState, monCommands } from '../src/mon/index.ts';
import { Ledger } from '../src/mon/ledger.ts';
import { LiveState } from '../src/mon/live-state.ts';
import { MonStore } from '../src/mon/mon-store.ts';
import { PgMap } from '../src/mon/pg-map.ts';
import type { BootDecision } from '../src/mon/services/osd-boot.ts';
import { decideBoot } from '../src/mon/services/osd-boot.ts';
import type { KeyValue } from '../src/runtime/index.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import {
  ADDR,
  type EntityAddr,
  type MessageOf,
  type MOSDBoot,
  type OsdSuperblock,
  PAXOS_ZERO,
  TIME_ZERO,
} from '../src/wire/index.ts';

export const FSID = '0a1b2c3d-0000-4000-8000-00000000cafe';
const CALLER: Caller = { entity: { type: 8, num: 4100 }, name: 'client.admin', addrs: [] };

/** What differs from {@link bootOf}. */
interface BootOptions extends Partial<Omit<MessageOf<typeof MOSDBoot>, 'superblock'>> {
  superblock?: Partial<OsdSuperblock>;
  publicAddrs?: EntityAddr[];
}

/** A monitor's decisions without its sockets and its clock. */
export interface World {
  readonly kv: KeyValue;
  readonly store: MonStore;
  readonly ledger: Ledger;
  readonly pgMap: PgMap;
  nowMs: number;
  state(): MonState;
  /** Runs a command as the `ceph` program would send it, and waits until its change is durable. */
  run(prefix: string, args?: Record<string, unknown>, input?: Uint8Array): Promise<CommandReply>;
  boot(osd: number, options?: BootOptions): Promise<BootDecision>;
}

export function addrOf(osd: number, nonce = 1): EntityAddr {
  return { type: ADDR.msgr2, nonce, host: '127.0.0.1', port: 6800 + osd };
}

export async function makeWorld(
  options: {
    osds?: number;
    kv?: KeyValue;
    config?: ReadonlyMap<string, string>;
    conf?: ReadonlyMap<string, string>;
  } = {},
): Promise<World> {
  const kv = options.kv ?? new MemoryKeyValue();
  const osds = options.osds ?? 3;
  await createMonStore(kv, { fsid: FSID, host: '127.0.0.1', port: 3300, nowMs: 1e12, osds });
  return openWorld(kv, options.config, options.conf);
}

/** The state that is found in a store, as after a restart. */
export function openWorld(
  kv: KeyValue,
  config?: ReadonlyMap<string, string>,
  conf: ReadonlyMap<string, string> = new Map(),
): World {
  const store = new MonStore(kv);
  const { identity, maps } = store.load();
  const pgMap = new PgMap();
  const table = new CommandTable(monCommands);
  const world: World = {
    kv,
    store,
    pgMap,
    nowMs: 1e12 + 1000,
    ledger: new Ledger(
      store,
      maps,
      () => world.nowMs,
      () => {},
    ),
    state: () => live.of(world.ledger.head),
    async run(prefix, args = {}, input = new Uint8Array(0)) {
      const cmd = [JSON.stringify({ prefix, ...args })];
      const views = { durable: () => live.of(world.ledger.durable), head: world.state };
      const { reply, change } = table.run(views, cmd, input, CALLER);
      if (change) await world.ledger.propose(change);
      return reply;
    },
    async boot(osd, { superblock, publicAddrs, ...rest } = {}) {
      const made = bootOf(osd);
      const boot = { ...made, ...rest, superblock: { ...made.superblock, ...superblock } };
      for (;;) {
        const decision = decideBoot(world.state(), boot, publicAddrs ?? [addrOf(osd)]);
        if (decision.kind !== 'change') return decision;
        await world.ledger.propose(decision.change);
      }
    },
  };
  const live = new LiveState({
    identity,
    store,
    pgMap,
    log: new ClusterLog(),
    startedMs: 1e12,
    electionEpoch: 3,
    mgr: { epoch: 1, available: false, name: 'x', globalId: 0, addrs: [], startedMs: 1e12 },
    monMetadata: new Map(),
    mgrMetadata: new Map(),
    conf,
    config: config ?? new Map([['mon_allow_pool_delete', 'true']]),
    sessions: () => [],
    progress: () => [],
    now: () => world.nowMs,
  });
  return world;
}

const NO_FEATURES = { mask: 0n, names: new Map<bigint, string>() };

export function bootOf(osd: number): MessageOf<typeof MOSDBoot> {
  const addrs = [addrOf(osd)];
  return {
    paxos: PAXOS_ZERO,
    superblock: {
      fsid: FSID,
      osd,
      uuid: `00000000-0000-4000-8000-00000000000${osd}`,
      currentEpoch: 1,
      oldestMap: 1,
      newestMap: 1,
      weight: 0,
      features: { compat: NO_FEATURES, roCompat: NO_FEATURES, incompat: NO_FEATURES },
      cleanThrough: 1,
      mounted: 1,
      lastEpochMarkedFull: 0,
      poolsMarkedFull: 0,
      purgedSnapsLast: 0,
      lastPurgedSnapsScrub: TIME_ZERO,
      trimLowerBound: 1,
    },
    clusterAddrs: addrs,
    hbBackAddrs: addrs,
    bootEpoch: 0,
    hbFrontAddrs: addrs,
    metadata: new Map([
      ['bluestore_bdev_size', String(10 * 1024 ** 3)],
      ['default_device_class', 'ssd'],
      ['hostname', 'node1.example'],
    ]),
    features: 1n,
  };
}

export async function bootAll(w: World): Promise<void> {
  for (const osd of w.state().osdmap.osds()) await w.boot(osd);
}
