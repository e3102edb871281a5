import {
  ENTITY,
  FORCE_RECOVERY,
  formatPgId,
  MOSDForceRecovery,
  outgoing,
  type PgId,
  type PgStateName,
  parsePgId,
  pgState,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, type Decision } from '../command.ts';
import type { MonState } from '../state.ts';

// Texts and rules: DaemonServer::_handle_command, src/mgr/DaemonServer.cc, release 16.2.

interface Verb {
  readonly word: string;
  readonly options: number;
  /** What a PG's state must show something of for the order to make sense. */
  readonly needs: readonly PgStateName[];
  readonly forced: PgStateName;
  readonly isCancel: boolean;
  /** What is said of a PG that has no need of it. */
  readonly idle: string;
  /** What becomes of a PG. */
  readonly done: 'recovered' | 'backfilled';
}

const FORCE: readonly Verb[] = [
  {
    word: 'force-recovery',
    options: FORCE_RECOVERY.recovery,
    needs: ['degraded', 'recovery_wait', 'recovering'],
    forced: 'forced_recovery',
    isCancel: false,
    idle: "doesn't require recovery",
    done: 'recovered',
  },
  {
    word: 'force-backfill',
    options: FORCE_RECOVERY.backfill,
    needs: ['degraded', 'backfill_wait', 'backfilling'],
    forced: 'forced_backfill',
    isCancel: false,
    idle: "doesn't require backfilling",
    done: 'backfilled',
  },
  {
    word: 'cancel-force-recovery',
    options: FORCE_RECOVERY.recovery | FORCE_RECOVERY.cancel,
    needs: ['forced_recovery'],
    forced: 'forced_recovery',
    isCancel: true,
    idle: 'recovery not forced',
    done: 'recovered',
  },
  {
    word: 'cancel-force-backfill',
    options: FORCE_RECOVERY.backfill | FORCE_RECOVERY.cancel,
    needs: ['forced_backfill'],
    forced: 'forced_backfill',
    isCancel: true,
    idle: 'backfill not forced',
    done: 'backfilled',
  },
];

/** What is wrong with one PG's order. */
interface Objection {
  readonly text: string;
  readonly failure?: 'ENOENT' | 'EINVAL';
}

function objectionTo(state: MonState, verb: Verb, pg: PgId): Objection | undefined {
  const name = formatPgId(pg);
  const stat = state.pgStats.get(name);
  if (!stat) return { text: `pg ${name} does not exist; `, failure: 'ENOENT' };
  if ((stat.state & pgState(...verb.needs)) === 0n) return { text: `pg ${name} ${verb.idle}; ` };
  if (!verb.isCancel && (stat.state & pgState(verb.forced)) !== 0n) {
    const what = verb.word.split('-')[1]!;
    return { text: `pg ${name} ${what} already forced; `, failure: 'EINVAL' };
  }
  return undefined;
}

/** Orders to the primaries of those PGs for which they make sense. Only when there is none, the last failure counts. */
function force(state: MonState, verb: Verb, pgs: readonly PgId[], notes: string): Decision {
  const { osdmap } = state;
  let text = notes;
  let failure: Objection['failure'] | 'EAGAIN' = notes === '' ? undefined : 'EINVAL';
  const byOsd = new Map<number, PgId[]>();
  for (const pg of pgs) {
    const objection = objectionTo(state, verb, pg);
    if (objection) {
      text += objection.text;
      failure = objection.failure ?? failure;
      continue;
    }
    const osd = osdmap.pgToUpActing(pg).actingPrimary;
    if (osd >= 0) byOsd.set(osd, [...(byOsd.get(osd) ?? []), pg]);
  }
  if (byOsd.size > 0) failure = undefined;
  const connected = new Set(
    state.sessions.flatMap(({ entity: e }) => (e.type === ENTITY.osd ? [e.num] : [])),
  );
  const orders = new Map<number, ReturnType<typeof outgoing>>();
  for (const [osd, its] of [...byOsd].sort(([a], [b]) => a - b)) {
    if (!osdmap.isUp(osd)) continue;
    if (!connected.has(osd)) {
      text += `osd.${osd} is not currently connected`;
      failure = 'EAGAIN';
      continue;
    }
    const order = {
      fsid: osdmap.fsid,
      pgs: its.map((pgid) => ({ pgid, shard: -1 })),
      options: verb.options,
    };
    orders.set(osd, outgoing(MOSDForceRecovery, order));
    const list = its.map(formatPgId).join(',');
    text += `instructing pg(s) [${list}] on osd.${osd} to ${verb.word}; `;
  }
  if (failure) throw new CommandFailure(failure, `${text}\n`);
  return { reply: { result: 0, status: `${text}\n`, output: '' }, orders };
}

function forcePgs(verb: Verb, state: MonState, args: CommandArgs): Decision {
  let notes = '';
  const pgs = new Map<string, PgId>();
  for (const word of args.list('pgid')) {
    const pg = parsePgId(word);
    if (pg) pgs.set(formatPgId(pg), pg);
    else notes += `invlaid pgid '${word}'; `; // as Ceph spells it
  }
  return force(state, verb, [...pgs.values()], notes);
}

function forcePools(verb: Verb, state: MonState, args: CommandArgs): Decision {
  const names = args.list('who');
  if (names.length === 0) throw new CommandFailure('EINVAL', 'must specify one or more pool names');
  const pgs = names.flatMap((name) => {
    const pool = state.osdmap.poolByName(name);
    if (!pool) throw new CommandFailure('ENOENT', `unrecognized pool '${name}'`);
    const { pgNum } = state.osdmap.pool(pool.id)!;
    return Array.from({ length: pgNum }, (_, seed) => ({ pool: pool.id, seed }));
  });
  return force(state, verb, pgs, '');
}

/** PGs that people want recovered before all others. */
export const forceRecoveryCommands: CommandSpec[] = FORCE.flatMap((verb): CommandSpec[] => [
  {
    module: 'pg',
    perm: 'rw',
    sig: `pg ${verb.word} name=pgid,type=CephPgid,n=N`,
    help: verb.isCancel
      ? `Take back what pg ${verb.word.slice('cancel-'.length)} did.`
      : `Have PGs ${verb.done} before all others.`,
    decide: (state, args) => forcePgs(verb, state, args),
  },
  {
    module: 'osd',
    perm: 'rw',
    sig: `osd pool ${verb.word} name=who,type=CephPoolname,n=N`,
    help: verb.isCancel
      ? `Take back what osd pool ${verb.word.slice('cancel-'.length)} did.`
      : `Have all PGs of pools ${verb.done} before all others.`,
    decide: (state, args) => forcePools(verb, state, args),
  },
]);
