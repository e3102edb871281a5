import { type PgPool, POOL_FLAG, POOL_OPTION } from '../../maps/index.ts';
import type { EVersion, PgId } from '../../wire/index.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';
import { shardsRefuse } from './pg-shards.ts';
import { checkPgCount, checkPgNumLimit } from './pool-create.ts';

// A pool has three counts of PGs: how many there are (`pgNum`), how many there are to be (`pgNumTarget`, what people
// set), and `pgNumPending`, one less than there are while the last one is about to be merged. Steps from the one to the
// other are `pg-steps.ts`. Source: OSDMonitor::prepare_command_pool_set and pg_pool_t, release 16.2.

/** Placement does not follow while somebody forbids it. @throws CommandFailure EPERM */
export function checkPgChange(pool: PgPool, name: string): void {
  if ((pool.flags & POOL_FLAG.nopgchange) === 0) return;
  throw new CommandFailure(
    'EPERM',
    `pool ${name} change is disabled; you must unset nopgchange flag for the pool first`,
  );
}

/**
 * The pool on its way to another count; the count for placement goes with it unless somebody has set it apart.
 * @throws CommandFailure with the reason why it may not have so many
 */
export function aimAtPgNum(state: MonState, id: number, pool: PgPool, pgNum: number): PgPool {
  if (pgNum === pool.pgNumTarget) return pool;
  checkPgNumLimit(state, pgNum);
  const refusal = shardsRefuse(state, pool.pgNum, pgNum);
  if (refusal) throw new CommandFailure('EOPNOTSUPP', refusal);
  if (pgNum > pool.pgNumTarget) checkPgCount(state, pgNum, pool.size, id);
  checkPgNumOptions(pool, pgNum);
  const follows = pool.pgpNumTarget === pool.pgNumTarget;
  return { ...pool, pgNumTarget: pgNum, pgpNumTarget: follows ? pgNum : pool.pgpNumTarget };
}

/** The pool's own bounds. Texts of 16.2.15, which has the same sign in both. @throws CommandFailure EINVAL */
function checkPgNumOptions({ options }: PgPool, pgNum: number): void {
  const bound = (name: 'pg_num_min' | 'pg_num_max'): number =>
    Number(options.values.get(POOL_OPTION[name].key) ?? 0);
  const refuse = (name: string, n: number): never => {
    throw new CommandFailure('EINVAL', `specified pg_num ${pgNum} < ${name} ${n}`);
  };
  const [least, most] = [bound('pg_num_min'), bound('pg_num_max')];
  if (least !== 0 && pgNum < least) refuse('pg_num_min', least);
  if (most !== 0 && pgNum > most) refuse('pg_num_max', most);
}

/** @throws CommandFailure */
export function aimAtPgpNum(pool: PgPool, pgpNum: number): PgPool {
  checkPositive(pgpNum);
  if (pgpNum > pool.pgNumTarget) {
    throw new CommandFailure('EINVAL', `specified pgp_num ${pgpNum} > pg_num ${pool.pgNumTarget}`);
  }
  return { ...pool, pgpNumTarget: pgpNum };
}

/** Placement by so many PGs from the next map on. @throws CommandFailure */
export function placeByPgpNum(pool: PgPool, pgpNum: number): PgPool {
  checkPositive(pgpNum);
  if (pgpNum > pool.pgNum) {
    throw new CommandFailure('EINVAL', `specified pgp_num ${pgpNum} > pg_num ${pool.pgNum}`);
  }
  if (pgpNum > pool.pgNumPending) {
    const text = `specified pgp_num ${pgpNum} > pg_num_pending ${pool.pgNumPending}`;
    throw new CommandFailure('EINVAL', text);
  }
  return { ...pool, pgpNum };
}

function checkPositive(pgpNum: number): void {
  if (pgpNum > 0) return;
  throw new CommandFailure('EINVAL', `specified pgp_num must > 0, but you set to ${pgpNum}`);
}

/** PGs are split. @param epoch of the map that says so; clients older than Luminous send again by it */
export function split(pool: PgPool, pgNum: number, epoch: number): PgPool {
  const wasMerging = pool.pgNumPending !== pool.pgNum;
  return {
    ...pool,
    pgNum,
    pgNumPending: pgNum,
    lastForceOpResendPreluminous: epoch,
    ...(wasMerging ? { lastForceOpResendPrenautilus: epoch } : {}),
  };
}

/** The last PG is to be merged: it and its target stop serving, and say when they are ready. */
export function announceMerge(pool: PgPool, epoch: number): PgPool {
  return {
    ...pool,
    pgNumPending: pool.pgNum - 1,
    lastForceOpResendPrenautilus: epoch,
    lastForceOpResendPreluminous: epoch,
  };
}

/** What the primary of a merge's source and target says of both. */
export interface MergeReadiness {
  readonly source: PgId;
  readonly sourceVersion: EVersion;
  readonly targetVersion: EVersion;
  readonly lastEpochStarted: number;
  readonly lastEpochClean: number;
}

/** The last PG is no more: from this map on its objects are the target's. Source: pg_pool_t::dec_pg_num. */
export function merge(pool: PgPool, said: MergeReadiness, epoch: number): PgPool {
  return {
    ...pool,
    pgNum: pool.pgNum - 1,
    lastForceOpResendPrenautilus: epoch,
    lastPgMergeMeta: {
      sourcePgid: said.source,
      readyEpoch: epoch,
      lastEpochStarted: said.lastEpochStarted,
      lastEpochClean: said.lastEpochClean,
      sourceVersion: said.sourceVersion,
      targetVersion: said.targetVersion,
    },
  };
}

/** The announced merge does not come now: both PGs serve again. */
export function callMergeOff(pool: PgPool, epoch: number): PgPool {
  return { ...pool, pgNumPending: pool.pgNum, lastForceOpResendPrenautilus: epoch };
}
