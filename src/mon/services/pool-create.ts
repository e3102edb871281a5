import type { CrushMap } from '../../crush/index.ts';
import {
  newPgPool,
  type OSDMap,
  PG_AUTOSCALE_MODE,
  type PgPool,
  POOL_FLAG,
  POOL_TYPE,
} from '../../maps/index.ts';
import { utimeOfMs } from '../../wire/index.ts';
import type { Change } from '../change.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';

/** What may be asked of a new pool; what is left out has the cluster's defaults. */
export interface PoolRequest {
  readonly name: string;
  readonly pgNum?: number;
  readonly pgpNum?: number;
  readonly rule?: string | number;
  readonly size?: number;
  readonly autoscaleMode?: keyof typeof PG_AUTOSCALE_MODE;
  /** Expected to hold much data. */
  readonly bulk?: boolean;
}

// Checks, their order and their texts: OSDMonitor::prepare_new_pool and check_pg_num of src/mon/OSDMonitor.cc, 16.2.

/** The change that makes a replicated pool. @throws CommandFailure with the reason it may not be made */
export function createPool(state: MonState, request: PoolRequest): Change {
  const { osdmap } = state;
  if (request.name === '') throw new CommandFailure('EINVAL', '(22) Invalid argument');
  const pgNum = request.pgNum || Number(state.option('osd_pool_default_pg_num'));
  const pgpNum = request.pgpNum || Number(state.option('osd_pool_default_pgp_num')) || pgNum;
  const crushRule = chooseRule(state, request.rule);
  checkPgNumLimit(state, pgNum);
  if (pgpNum > pgNum) {
    throw new CommandFailure(
      'ERANGE',
      `'pgp_num' must be greater than 0 and lower or equal than 'pg_num', which in this case is ${pgNum}`,
    );
  }
  const size = request.size || defaultPoolSize(state);
  if (request.size) checkSizeOne(state, request.size);
  checkSize(size, osdmap.crushMap, crushRule);
  checkPgCount(state, pgNum, size);
  const pool = newPgPool({
    type: POOL_TYPE.replicated,
    size,
    minSize: defaultMinSize(state, size),
    crushRule,
    pgNum,
    createTime: utimeOfMs(state.nowMs),
  });
  pool.pgpNum = pgpNum;
  pool.pgpNumTarget = pgpNum;
  pool.flags = newPoolFlags(state) | (request.bulk ? POOL_FLAG.bulk : 0);
  pool.pgAutoscaleMode = PG_AUTOSCALE_MODE[request.autoscaleMode ?? defaultAutoscaleMode(state)];
  const id = Math.max(osdmap.data.poolMax, ...osdmap.data.pools.keys(), 0) + 1;
  return {
    osdmap: {
      newPoolMax: id,
      newPools: new Map([[id, pool]]),
      newPoolNames: new Map([[id, request.name]]),
    },
  };
}

function defaultPoolSize(state: MonState): number {
  return Number(state.option('osd_pool_default_size'));
}

/** Copies a pool needs to take writes: the option, or what keeps a majority. */
export function defaultMinSize(state: MonState, size: number): number {
  const set = Number(state.option('osd_pool_default_min_size'));
  return set > 0 ? Math.min(set, size) : size - Math.floor(size / 2);
}

function defaultAutoscaleMode(state: MonState): keyof typeof PG_AUTOSCALE_MODE {
  return String(state.option('osd_pool_default_pg_autoscale_mode')) as 'off' | 'warn' | 'on';
}

function newPoolFlags(state: MonState): number {
  let flags = Number(state.option('osd_pool_default_flags'));
  if (state.option('osd_pool_default_flag_hashpspool')) flags |= POOL_FLAG.hashpspool;
  if (state.option('osd_pool_default_flag_nodelete')) flags |= POOL_FLAG.nodelete;
  return flags;
}

/** Id of a rule by name or number, or of the cluster's default rule. */
function chooseRule(state: MonState, rule: string | number | undefined): number {
  const { rules, ruleNames } = state.osdmap.crushMap;
  if (typeof rule === 'string' && rule !== '') {
    for (const [id, name] of ruleNames) if (name === rule) return id;
    throw new CommandFailure('ENOENT', `specified rule ${rule} doesn't exist`);
  }
  const wanted =
    typeof rule === 'number' && rule >= 0
      ? rule
      : Number(state.option('osd_pool_default_crush_rule'));
  const id = wanted >= 0 ? wanted : rules.findIndex((r) => r?.type === POOL_TYPE.replicated);
  if (!rules[id]) throw new CommandFailure('ENOENT', `crush rule ${id} does not exist`);
  return id;
}

/** @throws CommandFailure unless a pool may have so many PGs */
export function checkPgNumLimit(state: MonState, pgNum: number): void {
  const max = Number(state.option('mon_max_pool_pg_num'));
  if (pgNum >= 1 && pgNum <= max) return;
  throw new CommandFailure(
    'ERANGE',
    `'pg_num' must be greater than 0 and less than or equal to ${max} (you may adjust 'mon max pool pg num' for higher values)`,
  );
}

/** A single copy has to be allowed, but not where it follows from the cluster: on one OSD there is no other choice. */
function checkSizeOne(state: MonState, size: number): void {
  if (size === 1 && !state.option('mon_allow_pool_size_one')) {
    throw new CommandFailure('EPERM', 'configuring pool size as 1 is disabled by default.');
  }
}

function checkSize(size: number, crush: CrushMap, ruleId: number): void {
  const rule = crush.rules[ruleId]!;
  if (size > rule.maxSize) {
    throw new CommandFailure('EINVAL', 'pool size is bigger than the crush rule max size');
  }
  if (size < rule.minSize) {
    throw new CommandFailure('EINVAL', 'pool size is smaller than the crush rule min size');
  }
}

/** Refuses more copies of PGs than the OSDs should hold. `except` is the pool that changes. */
export function checkPgCount(state: MonState, pgNum: number, size: number, except?: number): void {
  const { osdmap } = state;
  const inOsds = osdmap.osds().filter((osd) => osdmap.isIn(osd)).length;
  // A cluster that is just being set up is taken to become one of three.
  const osds = Math.max(inOsds, 3);
  const perOsd = Number(state.option('mon_max_pg_per_osd'));
  const max = perOsd * osds;
  const projected = pgNum * size + existingPgs(osdmap, except);
  if (projected <= max) return;
  const pool = except === undefined ? '' : `pool id ${except}`;
  throw new CommandFailure(
    'ERANGE',
    `${pool} pg_num ${pgNum} size ${size} would mean ${projected} total pgs, which exceeds max ${max} (mon_max_pg_per_osd ${perOsd} * num_in_osds ${osds})`,
  );
}

function existingPgs(osdmap: OSDMap, except: number | undefined): number {
  let total = 0;
  for (const [id, pool] of osdmap.data.pools) {
    if (id !== except) total += (pool as PgPool).pgNumTarget * pool.size;
  }
  return total;
}
