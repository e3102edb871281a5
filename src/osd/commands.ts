import { textOf } from '../codec/index.ts';
import { ERRNO } from '../errors/index.ts';
import {
  CEPH_RELEASE,
  formatEVersion,
  formatPgId,
  formatPgState,
  parsePgId,
} from '../wire/index.ts';
import type { OsdCounters } from './counters.ts';
import type { OsdConfig } from './osd-config.ts';
import type { OsdMaps } from './osd-maps.ts';
import type { Pg } from './pg.ts';
import type { PgRegistry } from './pg-registry.ts';
import { stateOf } from './pg-report.ts';

/** What a command sees of the daemon. */
export interface CommandScope {
  readonly id: number;
  readonly fsid: string;
  readonly uuid: string;
  readonly state: string;
  readonly config: OsdConfig;
  readonly counters: OsdCounters;
  readonly maps: OsdMaps;
  readonly pgs: PgRegistry;
  readonly nowMs: number;
  /** Sends the stats now. @returns a number that the monitor knows once it has them */
  flushStats(): number;
  configChanged(): void;
}

export interface CommandResult {
  readonly result: number;
  readonly status: string;
  readonly data: string;
}
type Args = Readonly<Record<string, unknown>>;
interface Argument {
  readonly name: string;
  readonly type: string;
  readonly req?: 'false';
  readonly n?: 'N';
}
interface Command {
  readonly sig: readonly (string | Argument)[];
  readonly help: string;
  readonly perm: string;
  run(scope: CommandScope, args: Args): CommandResult;
}

const ok = (value: unknown): CommandResult => ({
  result: 0,
  status: '',
  data: typeof value === 'string' ? value : `${JSON.stringify(value, null, 4)}\n`,
});
const fail = (errno: number, status: string): CommandResult => ({
  result: -errno,
  status,
  data: '',
});
const text = (args: Args, name: string): string => String(args[name] ?? '');
const string = (name: string): Argument => ({ name, type: 'CephString' });

/** Commands of `ceph tell osd.N`. Answers have the form of a 16.2 OSD's. */
const COMMANDS: readonly Command[] = [
  {
    sig: ['version'],
    help: 'The release this daemon runs.',
    perm: 'r',
    run: () => ok({ version: CEPH_RELEASE, release: 'pacific', release_type: 'stable' }),
  },
  {
    sig: ['status'],
    help: 'Identity, state, range of maps and count of PGs.',
    perm: 'r',
    run: (s) =>
      ok({
        cluster_fsid: s.fsid,
        osd_fsid: s.uuid,
        whoami: s.id,
        state: s.state,
        oldest_map: s.maps.oldest,
        cluster_osdmap_trim_lower_bound: s.maps.oldest,
        newest_map: s.maps.epoch,
        num_pgs: s.pgs.size,
      }),
  },
  {
    sig: ['config', 'get', string('var')],
    help: 'The value of an option as this daemon sees it.',
    perm: 'r',
    run: (s, args) => {
      const name = text(args, 'var');
      const known = s.config.get(name);
      return known
        ? ok({ [known.name]: known.value })
        : fail(ERRNO.ENOENT, `error getting '${name}': (2) No such file or directory`);
    },
  },
  {
    sig: ['config', 'set', string('var'), { ...string('val'), n: 'N' }],
    help: 'Sets an option until this daemon ends.',
    perm: 'rw',
    run: (s, args) => {
      const name = text(args, 'var');
      const value = [args.val].flat().join(' ');
      if (!s.config.get(name)) {
        return fail(
          ERRNO.ENOENT,
          `error setting '${name}' to '${value}': (2) No such file or directory`,
        );
      }
      if (s.config.set(name, value) !== undefined) {
        return fail(ERRNO.EINVAL, `error setting '${name}' to '${value}': (22) Invalid argument`);
      }
      s.configChanged();
      return ok({ success: `${name} = '${s.config.get(name)!.value}' ` });
    },
  },
  {
    sig: ['config', 'unset', string('var')],
    help: 'Takes back what config set did.',
    perm: 'rw',
    run: (s, args) => {
      s.config.unset(text(args, 'var'));
      s.configChanged();
      return ok({});
    },
  },
  {
    sig: ['config', 'show'],
    help: 'Options that differ from their defaults.',
    perm: 'r',
    run: (s) => ok(Object.fromEntries(s.config.changed().map((o) => [o.name, o.value]))),
  },
  {
    sig: ['perf', 'dump'],
    help: 'Counters since the start.',
    perm: 'r',
    run: (s) => ok({ osd: { ...s.counters.dump(), numpg: s.pgs.size } }),
  },
  {
    sig: ['dump_ops_in_flight'],
    help: 'Client requests not yet answered.',
    perm: 'r',
    run: (s) => {
      const ops = [...s.pgs.all()].flatMap((pg) =>
        pg.pipeline.open().map((op) => describe(s, pg, op)),
      );
      return ok({ ops, num_ops: ops.length });
    },
  },
  {
    sig: ['flush_pg_stats'],
    help: 'Reports the PGs to the monitor at once.',
    perm: 'rw',
    run: (s) => ok(String(s.flushStats())),
  },
  {
    sig: ['query', { name: 'pgid', type: 'CephPgid' }],
    help: 'What this daemon knows of a PG.',
    perm: 'r',
    run: query,
  },
  {
    sig: ['pg', { name: 'pgid', type: 'CephPgid' }, 'query'],
    help: 'What this daemon knows of a PG.',
    perm: 'r',
    run: query,
  },
];

function describe(s: CommandScope, pg: Pg, op: ReturnType<Pg['pipeline']['open']>[number]) {
  const { name, num } = {
    name: op.reqid.name.type === 8 ? 'client' : 'osd',
    num: op.reqid.name.num,
  };
  return {
    description: `osd_op(${name}.${num}.${op.reqid.inc}:${op.reqid.tid} ${formatPgId(pg.pgid)} ${textOf(op.oid.name)})`,
    age: (s.nowMs - op.startedMs) / 1000,
  };
}

function query(s: CommandScope, args: Args): CommandResult {
  const pgid = parsePgId(text(args, 'pgid'));
  const pg = pgid && s.pgs.get(pgid);
  if (!pg) return fail(ERRNO.ENOENT, `i don't have pgid ${text(args, 'pgid')}`);
  const { info, log, totals } = pg.state;
  return ok({
    state: formatPgState(stateOf(pg)),
    epoch: pg.epoch,
    up: pg.view.up,
    acting: pg.view.acting,
    info: {
      pgid: formatPgId(pg.pgid),
      last_update: formatEVersion(log.head),
      log_tail: formatEVersion(log.tail),
      last_user_version: Number(totals.lastUserVersion),
      history: {
        epoch_created: info.created,
        last_epoch_started: info.lastEpochStarted,
        last_epoch_clean: info.clean,
        same_interval_since: info.since,
      },
      stats: { num_objects: totals.objects, num_bytes: totals.bytes },
    },
    peers: [...pg.peers()].map(([peer, missing]) => ({ peer, num_missing: missing.size })),
    num_missing: pg.state.missing.size,
    peering: pg.peering.phase.name,
  });
}

function descriptions(): string {
  const out: Record<string, unknown> = {};
  COMMANDS.forEach(({ sig, help, perm }, i) => {
    const cmd = `cmd${String(i).padStart(3, '0')}`;
    out[cmd] = { sig, help, module: 'osd', perm, flags: 0 };
  });
  return JSON.stringify(out);
}

/** Runs a command given as JSON text. */
export function runCommand(scope: CommandScope, json: string): CommandResult {
  let args: Args;
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError('not an object');
    args = parsed as Args;
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    return fail(ERRNO.EINVAL, 'command is not valid JSON');
  }
  const prefix = text(args, 'prefix');
  if (prefix === 'get_command_descriptions') return ok(descriptions());
  if (prefix === 'pg') return query(scope, args);
  const command = COMMANDS.find(
    ({ sig }) => sig.filter((w) => typeof w === 'string').join(' ') === prefix,
  );
  return command ? command.run(scope, args) : fail(ERRNO.EINVAL, `unknown command '${prefix}'`);
}
