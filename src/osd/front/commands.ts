import { ERRNO } from '../../errors/index.ts';
import { CEPH_RELEASE, MCommandReply, type Outgoing, outgoing } from '../../wire/index.ts';
import { networkCommands } from '../failure/network-commands.ts';
import { pgCommands } from '../pg/pg-commands.ts';
import { dumpCounters } from '../shard/counters.ts';
import { dumpMempools } from '../shard/mempools.ts';
import {
  type Args,
  type Command,
  type CommandResult,
  type CommandScope,
  fail,
  ok,
  string,
  text,
} from './command.ts';
import { byDuration, dumpOps, type ShardOps } from './op-dumps.ts';

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
        num_pgs: pgCount(s),
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
    run: async (s) => {
      const sums = await Promise.all(s.shards.map((shard) => shard.ask('counters')));
      return ok({ osd: { ...dumpCounters(sums), numpg: pgCount(s) } });
    },
  },
  {
    sig: ['dump_mempools'],
    help: 'Memory that this daemon holds, by use.',
    perm: 'r',
    run: async (s) => {
      const pools = await Promise.all(s.shards.map((shard) => shard.ask('mempools')));
      return ok(dumpMempools(pools));
    },
  },
  {
    sig: ['dump_ops_in_flight'],
    help: 'Client requests not yet answered.',
    perm: 'r',
    run: async (s) => {
      const ops = dumpOps(await askAll(s, 'ops'), s.clock.wallMs());
      return ok({ ops, num_ops: ops.length });
    },
  },
  {
    sig: ['dump_blocked_ops'],
    help: 'Client requests that wait for longer than osd_op_complaint_time.',
    perm: 'r',
    run: async (s) => {
      const complaintSeconds = s.config.number('osd_op_complaint_time');
      const all = dumpOps(await askAll(s, 'ops'), s.clock.wallMs());
      const ops = all.filter(({ age }) => Number(age) >= complaintSeconds);
      return ok({ ops, complaint_time: complaintSeconds, num_blocked_ops: ops.length });
    },
  },
  {
    sig: ['dump_historic_ops'],
    help: 'The slowest requests of the last while.',
    perm: 'r',
    run: async (s) => ok(await historicOps(s, (ops) => ops)),
  },
  {
    sig: ['dump_historic_ops_by_duration'],
    help: 'The same, the slowest first.',
    perm: 'r',
    run: async (s) => ok(await historicOps(s, byDuration)),
  },
  {
    sig: ['dump_historic_slow_ops'],
    help: 'The newest requests that took longer than osd_op_history_slow_op_threshold.',
    perm: 'r',
    run: async (s) =>
      ok({
        'num to keep': s.config.number('osd_op_history_slow_op_size'),
        'threshold to keep': s.config.number('osd_op_history_slow_op_threshold'),
        Ops: dumpOps(await askAll(s, 'historicSlowOps'), s.clock.wallMs()),
      }),
  },
  {
    sig: ['dump_recovery_reservations'],
    help: 'Places for recovery that PGs have or wait for.',
    perm: 'r',
    run: (s) => ok(s.recovery.dump()),
  },
  {
    sig: ['flush_pg_stats'],
    help: 'Reports the PGs to the monitor at once.',
    perm: 'rw',
    run: async (s) => ok(String(await s.flushStats())),
  },
  ...pgCommands,
  ...networkCommands,
];

function askAll(
  s: CommandScope,
  what: 'ops' | 'historicOps' | 'historicSlowOps',
): Promise<ShardOps[]> {
  return Promise.all(s.shards.map((shard) => shard.ask(what)));
}

type OpDump = ReturnType<typeof dumpOps>;

async function historicOps(s: CommandScope, order: (ops: OpDump) => OpDump) {
  const size = s.config.number('osd_op_history_size');
  const ops = byDuration(dumpOps(await askAll(s, 'historicOps'), s.clock.wallMs())).slice(0, size);
  return { size, duration: s.config.number('osd_op_history_duration'), ops: order(ops) };
}

function pgCount(s: CommandScope): number {
  return s.shards.reduce((n, shard) => n + shard.pgCount, 0);
}

function descriptions(): string {
  const out: Record<string, unknown> = {};
  COMMANDS.forEach(({ sig, help, perm }, i) => {
    const cmd = `cmd${String(i).padStart(3, '0')}`;
    out[cmd] = { sig, help, module: 'osd', perm, flags: 0 };
  });
  return JSON.stringify(out);
}

/** Runs a command given as JSON text, and sends what comes of it. */
export async function answerCommand(
  scope: CommandScope,
  json: string,
  send: (reply: Outgoing) => void,
): Promise<void> {
  const { result, status, data } = await runCommand(scope, json);
  send(outgoing(MCommandReply, { result, status }, { data: [Buffer.from(data)] }));
}

async function runCommand(scope: CommandScope, json: string): Promise<CommandResult> {
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
  // `ceph pg PGID query` puts the verb into an argument, `ceph tell PGID query` does not.
  const verb = prefix === 'pg' ? text(args, 'cmd') : prefix;
  const command = COMMANDS.find(
    ({ sig }) => sig.filter((w) => typeof w === 'string').join(' ') === verb,
  );
  return command ? command.run(scope, args) : fail(ERRNO.EINVAL, `unknown command '${prefix}'`);
}
