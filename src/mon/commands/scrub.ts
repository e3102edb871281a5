import type { OSDMap } from '../../maps/index.ts';
import {
  ENTITY,
  formatPgId,
  MOSDScrub2,
  type Outgoing,
  outgoing,
  type PgId,
  parsePgId,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, type Decision, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';
import { parseOsdIds } from './osd-ids.ts';

// Texts and rules: DaemonServer::_handle_command, src/mgr/DaemonServer.cc, release 16.2.

/** `scrub`, `deep-scrub` or `repair`: the last word of all these commands. */
function verbOf(args: CommandArgs): string {
  return args.prefix.split(' ').at(-1)!;
}

function isConnected({ sessions }: MonState, osd: number): boolean {
  return sessions.some(({ entity }) => entity.type === ENTITY.osd && entity.num === osd);
}

/** The order for one OSD. */
function orderFor({ osdmap }: MonState, verb: string, pgs: readonly PgId[]): Outgoing {
  return outgoing(MOSDScrub2, {
    fsid: osdmap.fsid,
    epoch: osdmap.epoch,
    pgs: pgs.map((pgid) => ({ pgid, shard: -1 })),
    repair: verb === 'repair',
    deep: verb === 'deep-scrub',
  });
}

function scrubPg(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const word = args.needText('pgid');
  const verb = verbOf(args);
  const pgid = parsePgId(word);
  if (!pgid) return unchanged(refuse('EINVAL', `invalid pgid '${word}'`));
  const pg = formatPgId(pgid);
  if (!osdmap.hasPg(pgid)) return unchanged(refuse('ENOENT', `pg ${pg} does not exist`));
  const osd = osdmap.pgToUpActing(pgid).actingPrimary;
  if (osd < 0) return unchanged(refuse('EAGAIN', `pg ${pg} has no primary osd`));
  if (!isConnected(state, osd)) {
    const text = `pg ${pg} primary osd.${osd} is not currently connected`;
    return unchanged(refuse('EAGAIN', text));
  }
  return {
    reply: ok('', `instructing pg ${pg} on osd.${osd} to ${verb}`),
    orders: new Map([[osd, orderFor(state, verb, [pgid])]]),
  };
}

/** PGs by their primaries. */
function byPrimary(osdmap: OSDMap, pools: Iterable<number>): Map<number, PgId[]> {
  const out = new Map<number, PgId[]>();
  for (const pool of pools) {
    const count = osdmap.pool(pool)?.pgNum ?? 0;
    for (let seed = 0; seed < count; seed++) {
      const pgid = { pool, seed };
      const osd = osdmap.pgToUpActing(pgid).actingPrimary;
      if (osd >= 0) out.set(osd, [...(out.get(osd) ?? []), pgid]);
    }
  }
  return out;
}

/** Orders to all of `osds` that are connected. */
function instruct(
  state: MonState,
  args: CommandArgs,
  osds: readonly number[],
  pgs: ReadonlyMap<number, readonly PgId[]>,
): Decision {
  const verb = verbOf(args);
  const sent = osds.filter((osd) => isConnected(state, osd));
  const failed = osds.filter((osd) => !sent.includes(osd));
  if (sent.length === 0) {
    const text = `failed to instruct osd(s) ${osds} to ${verb} (not connected)`;
    return unchanged(refuse('EAGAIN', text));
  }
  const rest = failed.length > 0 ? `; osd(s) ${failed} were not connected` : '';
  return {
    reply: ok('', `instructed osd(s) ${sent} to ${verb}${rest}`),
    orders: new Map(sent.map((osd) => [osd, orderFor(state, verb, pgs.get(osd) ?? [])])),
  };
}

function scrubOsd(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const all = (): number[] => osdmap.osds().filter((osd) => osdmap.isUp(osd));
  const osds = parseOsdIds([args.needText('who')], all, (word) => `invalid osd '${word}'`);
  const down = osds.find((osd) => !osdmap.isUp(osd));
  if (down !== undefined) return unchanged(refuse('EAGAIN', `osd.${down} is not up`));
  return instruct(state, args, osds, byPrimary(osdmap, osdmap.data.pools.keys()));
}

function scrubPools(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const names = args.list('who');
  if (names.length === 0) return unchanged(refuse('EINVAL', 'must specify one or more pool names'));
  const unknown = names.find((name) => !osdmap.poolByName(name));
  if (unknown !== undefined) {
    return unchanged(refuse('ENOENT', `unrecognized pool '${unknown}'`));
  }
  const pgs = byPrimary(
    osdmap,
    names.map((name) => osdmap.poolByName(name)!.id),
  );
  const osds = [...pgs.keys()].sort((a, b) => a - b);
  return instruct(state, args, osds, pgs);
}

const VERBS = ['scrub', 'deep-scrub', 'repair'] as const;

/** What people want looked at, or put right. */
export const scrubCommands: CommandSpec[] = VERBS.flatMap((verb): CommandSpec[] => [
  {
    module: 'pg',
    perm: 'rw',
    sig: `pg ${verb} name=pgid,type=CephPgid`,
    help: `Let the primary of a PG ${verb} it.`,
    decide: scrubPg,
  },
  {
    module: 'osd',
    perm: 'rw',
    sig: `osd ${verb} name=who,type=CephString`,
    help: `Let an OSD ${verb} the PGs that it is primary of; all or any stands for every OSD.`,
    decide: scrubOsd,
  },
  {
    module: 'osd',
    perm: 'rw',
    sig: `osd pool ${verb} name=who,type=CephPoolname,n=N`,
    help: `Let the primaries of all PGs of pools ${verb} them.`,
    decide: scrubPools,
  },
]);
