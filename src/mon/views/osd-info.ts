import { byteStringOf, type Column, general, type Json, table } from '../../codec/index.ts';
import { fullLocation } from '../../crush/index.ts';
import { setList } from '../../maps/index.ts';
import { addrVecJson, formatLegacyAddr, formatPgId, stamp } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand, readCommand, refuse } from '../command.ts';
import { IO_IDLE, type MonState } from '../state.ts';
import { perfJson } from './pg-json.ts';
import { allPgs, listedOsds, sumOfPool } from './pg-view.ts';
import { clientIo, missing, recoveryIo } from './rates.ts';
import { textOrValue, valueReply } from './reply.ts';

// Single facts about OSDs, pools and objects. Source: mon/OSDMonitor.cc and mgr/DaemonServer.cc, release 16.2.

function osdFind(state: MonState, args: CommandArgs): CommandReply {
  const osd = args.needNumber('id');
  const map = state.osdmap;
  if (!map.exists(osd)) return refuse('ENOENT', `osd.${osd} does not exist`);
  const meta = state.osdMetadata.get(osd);
  const location = fullLocation(map.crushMap, osd).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return valueReply(args, {
    osd,
    addrs: addrVecJson(map.addrs(osd)),
    osd_fsid: map.data.osdUuid.at(osd)!,
    host: meta?.get('hostname'),
    container_name: meta?.get('container_name') || undefined,
    crush_location: new Map(location),
  });
}

function osdMap(state: MonState, args: CommandArgs): CommandReply {
  const map = state.osdmap;
  const name = args.needText('pool');
  const pool = map.poolByName(name);
  if (!pool) return refuse('ENOENT', `pool ${name} does not exist`);
  const object = args.needText('object');
  const namespace = args.text('nspace') ?? '';
  const place = map.locate(pool.id, byteStringOf(object), '', byteStringOf(namespace))!;
  const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(place.pgid);
  const full = namespace === '' ? object : `${namespace}/${object}`;
  const raw = formatPgId({ pool: pool.id, seed: place.hash });
  const pgid = formatPgId(place.pgid);
  return textOrValue(
    args,
    () =>
      `osdmap e${map.epoch} pool '${name}' (${pool.id}) object '${full}' -> pg ${raw} (${pgid}) -> ` +
      `up (${setList(up)}, p${upPrimary}) acting (${setList(acting)}, p${actingPrimary})\n`,
    () => ({
      epoch: map.epoch,
      pool: name,
      pool_id: pool.id,
      objname: full,
      raw_pgid: raw,
      pgid,
      up,
      up_primary: upPrimary,
      acting,
      acting_primary: actingPrimary,
    }),
  );
}

function poolStats(state: MonState, args: CommandArgs): CommandReply {
  const wanted = args.text('pool_name');
  const pools = [...state.osdmap.data.poolNames].sort((a, b) => a[0] - b[0]);
  const chosen = wanted ? pools.filter(([, name]) => name === wanted) : pools;
  if (wanted && chosen.length === 0) return refuse('ENOENT', `unrecognized pool '${wanted}'`);
  const status = chosen.length === 0 ? 'there are no pools!' : '';
  const of = (id: number) => {
    const rates = state.poolRates.get(id) ?? IO_IDLE;
    return {
      missing: missing(sumOfPool(state, id).stat),
      recovery: recoveryIo(rates),
      client: clientIo(rates),
    };
  };
  const text = (): string => {
    let out = '';
    for (const [id, name] of chosen) {
      const s = of(id);
      const lines = [...s.missing.lines];
      if (s.recovery.text) lines.push(`recovery io ${s.recovery.text}`);
      if (s.client.text) lines.push(`client io ${s.client.text}`);
      if (lines.length === 0) lines.push('nothing is going on');
      out += `pool ${name} id ${id}\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
    }
    return out;
  };
  const json = (): Json =>
    chosen.map(([id, name]) => {
      const s = of(id);
      return {
        pool_name: name,
        pool_id: id,
        recovery: s.missing.json,
        recovery_rate: s.recovery.json,
        client_io_rate: s.client.json,
      };
    });
  return textOrValue(args, text, json, { status: args.json ? '' : status });
}

/** How long the OSDs' stores take. Source: PGMap::dump_osd_perf_stats and print_osd_perf_stats, 16.2. */
function osdPerf(state: MonState, args: CommandArgs): CommandReply {
  const osds = listedOsds(state).reverse();
  const columns: Column[] = [
    ['osd', 'l', 'r'],
    ['commit_latency(ms)', 'l', 'r'],
    ['apply_latency(ms)', 'l', 'r'],
  ];
  const ms = (ns: number): string => String(Math.floor(ns / 1e6));
  return textOrValue(
    args,
    () =>
      table(
        columns,
        osds.map(([osd, s]) => [String(osd), ms(s.commitLatencyNs), ms(s.applyLatencyNs)]),
      ),
    () => ({
      pg_ready: true,
      osdstats: { osd_perf_infos: osds.map(([id, s]) => ({ id, perf_stats: perfJson(s) })) },
    }),
    { wrapped: true },
  );
}

/** Which OSDs hold up peering, and of how many PGs. Source: PGMap::dump_osd_blocked_by_stats, 16.2. */
function blockedBy(state: MonState, args: CommandArgs): CommandReply {
  const counts = new Map<number, number>();
  for (const { blockedBy } of allPgs(state))
    for (const osd of blockedBy) counts.set(osd, (counts.get(osd) ?? 0) + 1);
  const all = [...counts].sort(([a], [b]) => a - b);
  const columns: Column[] = [
    ['osd', 'l', 'r'],
    ['num_blocked', 'l', 'r'],
  ];
  return textOrValue(
    args,
    () =>
      table(
        columns,
        all.map((row) => row.map(String)),
      ),
    () => ({
      pg_ready: true,
      osd_blocked_by: {
        osd_blocked_by_infos: all.map(([id, blocked]) => ({ id, num_blocked: blocked })),
      },
    }),
    { wrapped: true },
  );
}

/** How evenly PGs lie on the OSDs. Source: OSDMap::summarize_mapping_stats. */
function utilization(state: MonState, args: CommandArgs): CommandReply {
  const map = state.osdmap;
  const counts = new Map(
    map
      .osds()
      .filter((osd) => map.isUp(osd) && map.isIn(osd))
      .map((osd) => [osd, 0]),
  );
  let total = 0;
  for (const [id, { size, pgNum }] of map.data.pools) {
    total += size * pgNum;
    for (const osd of map.poolMapping(id)!.up) {
      const n = counts.get(osd);
      if (n !== undefined) counts.set(osd, n + 1);
    }
  }
  // Single precision, as there.
  const f32 = Math.fround;
  const average = counts.size > 0 ? f32(total / counts.size) : 0;
  let squares = 0;
  let min: [number, number] = [-1, 0];
  let max: [number, number] = [-1, 0];
  for (const [osd, n] of counts) {
    const difference = f32(average - n);
    squares = f32(squares + f32(difference * difference));
    if (min[0] < 0 || n < min[1]) min = [osd, n];
    if (max[0] < 0 || n > max[1]) max = [osd, n];
  }
  const deviation = counts.size > 0 ? f32(Math.sqrt(f32(squares / counts.size))) : 0;
  const baseline = counts.size > 0 ? f32(Math.sqrt(average * (1 - f32(1 / counts.size)))) : 0;
  const extreme = (name: string, [osd, n]: [number, number]): string =>
    osd < 0 ? '' : `${name} osd.${osd} with ${n} pgs (${general(f32(n / average))} * mean)\n`;
  return textOrValue(
    args,
    () =>
      `avg ${general(average)}\nstddev ${general(deviation)} (expected baseline ${general(baseline)})\n` +
      extreme('min', min) +
      extreme('max', max),
    () => ({
      avg_pgs: average,
      std_dev: deviation,
      expected_baseline_std_dev: baseline,
      min_osd: min[0],
      min_osd_pgs: min[1],
      max_osd: max[0],
      max_osd_pgs: max[1],
    }),
  );
}

function numaStatus(state: MonState, args: CommandArgs): CommandReply {
  const titles = ['OSD', 'HOST', 'NETWORK', 'STORAGE', 'AFFINITY', 'CPUS'];
  const columns = titles.map((t): Column => [t, 'l', t === 'HOST' || t === 'CPUS' ? 'l' : 'r']);
  const hosts = state.osdmap.osds().flatMap((osd): [number, string][] => {
    const meta = state.osdMetadata.get(osd);
    return meta ? [[osd, meta.get('hostname') ?? '']] : [];
  });
  return textOrValue(
    args,
    () =>
      table(
        columns,
        hosts.map(([osd, host]) => [String(osd), host, '-', '-', '-', '-']),
      ),
    () => hosts.map(([osd, host]) => ({ osd, host })),
  );
}

function lspools(state: MonState, args: CommandArgs): CommandReply {
  const pools = [...state.osdmap.data.poolNames].sort((a, b) => a[0] - b[0]);
  return textOrValue(
    args,
    () => pools.map(([id, name]) => `${id} ${name}\n`).join(''),
    () => pools.map(([poolnum, poolname]) => ({ poolnum, poolname })),
    { end: 'newline' },
  );
}

/** Behind the list stands a second, of address ranges; there are none in this release. */
function blocklistLs(state: MonState, args: CommandArgs): CommandReply {
  const entries = state.osdmap.data.blocklist.map(
    ([addr, until]) => [formatLegacyAddr(addr), stamp(until)] as const,
  );
  const status = `listed ${entries.length} entries`;
  if (!args.json) return ok(entries.map(([addr, until]) => `${addr} ${until}\n`).join(''), status);
  const list = valueReply(
    args,
    entries.map(([addr, until]) => ({ addr, until })),
  );
  return ok(String(list.output) + String(valueReply(args, []).output), status);
}

export const osdInfoCommands: ReadCommand[] = [
  readCommand('osd', 'osd find name=id,type=CephOsdName', 'Show where an OSD runs', osdFind),
  readCommand(
    'osd',
    'osd map name=pool,type=CephPoolname name=object,type=CephObjectname name=nspace,type=CephString,req=false',
    'Show where an object belongs',
    osdMap,
  ),
  readCommand(
    'osd',
    'osd pool stats name=pool_name,type=CephPoolname,req=false',
    'Show the traffic of pools',
    poolStats,
  ),
  readCommand('osd', 'osd perf', 'Show how fast OSDs commit', osdPerf),
  readCommand('osd', 'osd blocked-by', 'Show which OSDs others wait for', blockedBy),
  readCommand('osd', 'osd utilization', 'Show how evenly placement groups are spread', utilization),
  readCommand('osd', 'osd numa-status', 'Show the NUMA placement of OSDs', numaStatus),
  readCommand('osd', 'osd lspools', 'List pools with their ids', lspools, 4),
  readCommand('osd', 'osd getmaxosd', 'Show the bound of OSD ids', (state, args) =>
    textOrValue(
      args,
      () => `max_osd = ${state.osdmap.data.maxOsd} in epoch ${state.osdmap.epoch}\n`,
      () => ({ epoch: state.osdmap.epoch, max_osd: state.osdmap.data.maxOsd }),
    ),
  ),
  readCommand('osd', 'osd blocklist ls', 'List blocked clients', blocklistLs),
  readCommand('osd', 'osd blacklist ls', 'List blocked clients', blocklistLs, 4),
];
