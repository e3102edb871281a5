import { describe, expect, test } from 'vitest';
import { CommandArgs } from '../src/mon/args.ts';
import { CommandFailure, type CommandReply } from '../src/mon/command.ts';
import { prefixOf } from '../src/mon/signature.ts';
import { df, viewCommands } from '../src/mon/views/index.ts';
import { loadReference, type Reference, type Reply } from './mon-views-reference.ts';

// Every read-only command against what a real cluster in the same state printed, byte for byte but for what is listed
// here: orders that follow from Ceph's hash tables, spans that tick while the capture runs, and figures that our OSDs
// do not report.

const commands = new Map(viewCommands.map((c) => [prefixOf(c.sig), c]));

function ask(ref: Reference, cmd: Reply[0], format: string | null): CommandReply {
  const args = new CommandArgs({ ...cmd, ...(format && { format }) });
  try {
    // The real OSDs say how much space each pool takes; ours do not, so that is given.
    if (cmd.prefix === 'df') return df(ref.state, args, ref.pools);
    return commands.get(cmd.prefix)!.run(ref.state, args, new Uint8Array(0));
  } catch (e) {
    if (!(e instanceof CommandFailure)) throw e;
    return { result: -e.errno, status: e.message, output: '' };
  }
}

/** Members whose values our daemons do not have. The members themselves have to be there, in place. */
const UNKNOWN = new Set([
  'last_became_active',
  'last_became_peered',
  'avail_no_missing',
  'object_location_counts',
  'blocked_by',
  'purged_snaps',
  'seq',
  'statfs',
  'store_stats',
  'num_store_stats',
  'network_ping_times',
  'perf_stat',
  'perf_stats',
  'pg_stats_delta',
  'pool_statfs',
  'modules',
  'progress_events',
  'quorum_age',
  'osd_blocked_by_infos',
  'num_per_pool_omap_osds',
]);
/** Reports go on arriving while the capture runs. */
const MOVING = new Set(['pg_map.version', 'pg_map.stamp']);
/** Counts behind the recovery rates, which we keep as rates only. */
const ABSENT = new Set(['num_objects_recovered', 'num_bytes_recovered', 'num_keys_recovered']);
const RECOVERY = /^recovering_/;
/** Lists in the order of a hash table. */
const UNORDERED = new Set([
  'pg_stats',
  'stuck_pg_stats',
  'pool_stats',
  'osd_stats',
  'num_pg_by_state',
  'pgs_by_state',
]);

function comparable(value: unknown, key = '', inside = ''): unknown {
  if (UNKNOWN.has(key) || MOVING.has(`${inside}.${key}`)) return '*';
  if (typeof value === 'string') return spansMasked(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value.map((v) => comparable(v));
    if (!UNORDERED.has(key)) return list;
    return list.map((v) => JSON.stringify(v)).sort();
  }
  const recovers = 'recovering_objects_per_sec' in value && value.recovering_objects_per_sec !== 0;
  const kept = Object.entries(value).filter(([k]) => recovers || !RECOVERY.test(k));
  // An object with the sums of a PG has the same names, and there they are known.
  const isSum = 'num_objects_dirty' in value;
  return Object.fromEntries(
    kept.filter(([k]) => isSum || !ABSENT.has(k)).map(([k, v]) => [k, comparable(v, k, key)]),
  );
}

function spansMasked(text: string): string {
  return text.replace(/(stuck \w+ for|since|age|ttl|OSD_DOWN\() ?\d+(\.\d+)?[smh]/g, '$1 SPAN');
}

/** Text with what may differ taken out. */
function comparableText(prefix: string, text: string): string {
  let out = spansMasked(text);
  if (prefix === 'osd blocked-by' || prefix === 'osd perf') out = out.replace(/^ +\d.*\n/gm, '');
  // Progress needs a module of the manager; recovery at a rate below one per second shows there as 0.
  out = out.replace(/ {2}progress:\n(?: {4}.*\n)+ \n/, '');
  out = out.replace(/^.*recovery(?: io|:) 0 B\/s, 0 objects\/s\n/m, '');
  out = out.replace('; 0 B/s, 0 objects/s recovering', '');
  if (prefix === 'pg stat') {
    out = out.replace(
      /pgs: ([^;]*);/,
      (_, states: string) => `pgs: ${states.split(', ').sort().join(', ')};`,
    );
  }
  if (prefix.startsWith('pg ls'))
    out = out.replace(/(clean|degraded|remapped|undersized|peered|down) +\d+[smh]/g, '$1 SPAN');
  if (prefix === 'pg dump') out = out.replace(/^version \d+\nstamp .*\n/, '');
  if (/^pg dump/.test(prefix)) out = out.split('\n').sort().join('\n');
  return out;
}

const STATES = ['empty', 'pools', 'io', 'down1', 'muted', 'out1', 'down2', 'nearfull', 'full'];

describe.each(STATES)('commands that only look, cluster state %s', (name) => {
  const ref = loadReference(name);
  const byPrefix = new Map<string, Reply[]>();
  for (const reply of ref.replies) {
    const list = byPrefix.get(reply[0].prefix) ?? [];
    byPrefix.set(reply[0].prefix, [...list, reply]);
  }
  test.each([...byPrefix])('%s prints what Ceph prints', (prefix, replies) => {
    for (const [cmd, format, result, status, output] of replies) {
      const got = ask(ref, cmd, format);
      const what = JSON.stringify([cmd, format]);
      expect([got.result, got.status], what).toEqual([result, status]);
      const binary = output.startsWith('base64:');
      const text = binary
        ? `base64:${Buffer.from(got.output as Uint8Array).toString('base64')}`
        : String(got.output);
      if (text === output) continue;
      if (format === null || prefix === 'osd blocklist ls') {
        expect(comparableText(prefix, text), what).toBe(comparableText(prefix, output));
        continue;
      }
      expect(JSON.stringify(comparable(JSON.parse(text))), what).toBe(
        JSON.stringify(comparable(JSON.parse(output))),
      );
      expect(edges(text), what).toEqual(edges(output));
    }
  });
});

/** How an output begins and ends, and whether it is indented. */
function edges(text: string): unknown[] {
  return [
    text.slice(0, 1),
    /[\s}\]]*$/.exec(text)![0].replace(/[^\n]/g, ''),
    text.includes('\n    '),
  ];
}
