import { type Json, textOf } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { EVERSION_ZERO, type EVersion, formatEVersion, type HObject } from '../../wire/index.ts';
import { ENTRY, type LogEntry, oidKey } from '../log/log-entry.ts';
import { Logged } from '../log/logged.ts';
import { sameVersion } from '../log/pg-log.ts';
import { decodeObjectInfo, encodeObjectInfo, INFO_ATTR } from '../ops/index.ts';
import { Interrupted } from '../questions.ts';
import { usableVersion } from '../recovery/listing.ts';
import type { MissingItem } from './missing.ts';
import type { Pg } from './pg.ts';

// Objects in a version that nobody has who is up. Commands and their answers: PrimaryLogPG::do_command, list_unfound and
// mark_unfound_lost, src/osd/PrimaryLogPG.cc, 16.2.

/** Objects that one answer names (osd_command_max_records, 16.2). */
const LISTED_MAX = 256;

/** Who once was a member, may hold what is not found, and how we stand with it. */
export function mightHaveUnfound(pg: Pg): { osd: string; status: string }[] {
  const { peering, past, state, host } = pg;
  const since = past.intervals.filter((i) => i.maybeWritten && i.last >= state.info.clean);
  const sources = pg.member.importer.isStalled ? (state.import?.sources ?? []) : [];
  const all = new Set([...since.flatMap((i) => i.acting), ...peering.consulted, ...sources]);
  all.delete(host.id);
  return [...all]
    .sort((a, b) => a - b)
    .map((osd) => ({ osd: String(osd), status: statusOf(pg, osd) }));
}

function statusOf({ peering, strays, host, state, member }: Pg, osd: number): string {
  // Of what is not listed yet a holder has said all that it can only when it was asked for what comes next.
  if (member.importer.isStalled && state.import?.sources.includes(osd)) {
    if (!host.isUp(osd)) return 'osd is down';
    return member.importer.isSpent(osd) ? 'already probed' : 'querying';
  }
  if (peering.infos.has(osd) || strays.infos.has(osd)) return 'already probed';
  if (!host.isUp(osd)) return 'osd is down';
  return peering.consulted.has(osd) ? 'querying' : 'not queried';
}

/**
 * Objects that nobody has who is up: those that are known by name, and while an import stalls an estimate of those that
 * nobody can name.
 */
export function countUnfound({ recovery, recoveryStatus, state, member, host }: Pg): number {
  if (!member.importer.isStalled) return recovery.unfoundCount;
  const unlisted = recoveryStatus.lackedBy(host.id) - state.missing.size;
  return Math.max(recovery.unfoundCount, recovery.unfoundItems().length + unlisted);
}

export function listUnfound(pg: Pg): Json {
  const unfound = pg.recovery.unfoundItems();
  const listed = unfound.slice(0, LISTED_MAX);
  return {
    num_missing: pg.state.missing.size,
    num_unfound: pg.member.importer.isStalled ? countUnfound(pg) : unfound.length,
    objects: listed.map(({ oid, need }) => ({
      oid: oidJson(oid),
      need: formatEVersion(need),
      have: formatEVersion(usableVersion(pg.host, pg.state, oid) ?? EVERSION_ZERO),
      flags: 'none',
      clean_regions: 'clean_offsets: [], clean_omap: 0, new_object: 1',
      locations: [],
    })),
    state: pg.isActive ? 'Active' : 'Peering',
    available_might_have_unfound: pg.isActive,
    might_have_unfound: mightHaveUnfound(pg),
    more: unfound.length > listed.length,
  };
}

function oidJson(oid: HObject): Json {
  return {
    oid: textOf(oid.name),
    key: textOf(oid.key),
    snapid: Number(BigInt.asIntN(64, oid.snap)),
    hash: oid.hash,
    max: oid.max ? 1 : 0,
    pool: oid.pool,
    namespace: textOf(oid.namespace),
  };
}

/** How an unfound object is given up: taken back to the newest version that anybody who is up has, or deleted. */
export type LostMode = 'revert' | 'delete';

/** What a command to a PG answers. */
export interface PgReply {
  readonly result: number;
  readonly status: string;
}

/**
 * Gives up all objects that nobody has. That is written into our log as changes of their own, and then a round of
 * peering takes it to all members: their logs go on with it, as after any other change that they have not seen.
 * @returns once it is durable here
 */
export async function markUnfoundLost(pg: Pg, mode: LostMode): Promise<PgReply> {
  if (!pg.isPrimary) return { result: -ERRNO.EROFS, status: 'not primary' };
  const items = pg.recovery.unfoundItems();
  const { importer } = pg.member;
  if (items.length === 0 && !importer.isStalled)
    return { result: 0, status: 'pg has no unfound objects' };
  const count = importer.isStalled ? countUnfound(pg) : items.length;
  const unasked = mightHaveUnfound(pg).filter(
    ({ osd, status }) => status !== 'already probed' && !isLost(pg, Number(osd)),
  );
  if (unasked.length > 0) {
    const status = `pg has ${count} unfound objects but we haven't probed all sources, not marking lost`;
    return { result: -ERRNO.EINVAL, status };
  }
  if (mode === 'revert' && !(await bringOlder(pg, items)))
    return { result: -ERRNO.EAGAIN, status: 'the members of the pg changed meanwhile' };
  // First what nobody can name: what the log says of the others stands behind it.
  const ops = importer.isStalled ? importer.giveUp() : [];
  const still = items.filter(({ oid, need }) => {
    const lacked = pg.state.missing.get(oidKey(oid));
    return lacked && sameVersion(lacked.need, need);
  });
  ops.push(...still.flatMap((item) => giveUp(pg, item, mode)));
  const { log } = pg.host;
  log('warn', 'unfound objects are given up', { pg: pg.state.c, count, mode });
  const { since } = pg;
  await pg.host.submit(ops);
  // In another interval its primary peers anyway, and we may not be it.
  if (pg.since === since && pg.rounds.isSettled) pg.rounds.start();
  const status = `pg has ${count} objects unfound and apparently lost marking`;
  return { result: 0, status };
}

/** Has here what the objects go back to. @returns false if the interval or the round ended */
async function bringOlder(pg: Pg, items: readonly MissingItem[]): Promise<boolean> {
  const holders = pg.holdings.holders();
  try {
    for (const item of items) await pg.recovery.bringOlder(item, holders);
    return true;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return false;
  }
}

function isLost({ host, past }: Pg, osd: number): boolean {
  const last = past.intervals.findLast((i) => i.maybeWritten && i.acting.includes(osd));
  return host.lostAt(osd) > (last?.first ?? 0);
}

function giveUp(pg: Pg, { oid, need }: MissingItem, mode: LostMode): StoreOp[] {
  const { state, host } = pg;
  const { head } = state.log;
  const version: EVersion = {
    epoch: Math.max(pg.epoch, head.epoch),
    version: head.version + 1n,
  };
  // What is damaged here is nothing to go back to.
  const isUsable = mode === 'revert' && usableVersion(host, state, oid) !== undefined;
  const attr = isUsable ? host.store.getattr(state.c, oid, INFO_ATTR) : undefined;
  const entry: LogEntry = {
    kind: attr ? ENTRY.modify : ENTRY.delete,
    version,
    previous: head,
    prior: need,
    oid,
    // Of nobody: no client sends it again.
    reqid: { name: { type: 4, num: host.id }, tid: version.version, inc: version.epoch },
    userVersion: state.totals.lastUserVersion,
    result: 0,
    totals: attr ? state.totals : withoutOne(state.totals),
  };
  const ops: StoreOp[] = attr
    ? [
        {
          op: 'setattrs',
          c: state.c,
          oid,
          attrs: new Map([[INFO_ATTR, encodeObjectInfo({ ...decodeObjectInfo(attr), version })]]),
        },
      ]
    : [{ op: 'remove', c: state.c, oid }];
  const key = oidKey(oid);
  return [...ops, state.append(Logged.of(entry), entry.totals), ...state.removeMissing(key)];
}

function withoutOne(t: LogEntry['totals']): LogEntry['totals'] {
  return { ...t, objects: Math.max(0, t.objects - 1) };
}
