// `ceph pg force-recovery` and its like: DaemonServer::_handle_command, src/mgr/DaemonServer.cc, 16.2.
import { expect, it } from 'vitest';
import { CommandArgs } from '../src/mon/args.ts';
import { CommandFailure, type Decision } from '../src/mon/command.ts';
import { forceRecoveryCommands } from '../src/mon/commands/force-recovery.ts';
import type { MonState } from '../src/mon/state.ts';
import { allPgs } from '../src/mon/views/pg-view.ts';
import {
  decodeFront,
  ENTITY,
  FORCE_RECOVERY,
  formatPgId,
  MOSDForceRecovery,
  type PgStateName,
  pgState,
} from '../src/wire/index.ts';
import { makeWorld } from './mon-world.ts';

const STATES: Record<string, PgStateName[]> = {
  '1.0': ['active', 'recovery_wait', 'degraded'],
  '1.1': ['active', 'clean'],
  '1.2': ['active', 'backfill_wait'],
  '1.3': ['active', 'recovering', 'degraded', 'forced_recovery'],
};

/** A pool of four PGs in those states, all OSDs up and connected unless named. */
async function stateOf(absent: readonly number[] = []): Promise<MonState> {
  const w = await makeWorld();
  for (const osd of [0, 1, 2]) await w.boot(osd);
  await w.run('osd pool create', { pool: 'p', pg_num: 4, pgp_num: 4 });
  const state = w.state();
  const pgStats = new Map(
    allPgs(state).map((pg) => {
      const id = formatPgId(pg.pgid);
      return [id, { ...pg, state: pgState(...STATES[id]!) }];
    }),
  );
  const sessions = [0, 1, 2]
    .filter((osd) => !absent.includes(osd))
    .map((num) => ({ ...({} as MonState['sessions'][0]), entity: { type: ENTITY.osd, num } }));
  return { ...state, pgStats, sessions };
}

function run(state: MonState, prefix: string, args: Record<string, unknown>): Decision {
  const spec = forceRecoveryCommands.find((c) => c.sig.startsWith(`${prefix} name=`))!;
  if (!('decide' in spec)) throw new Error('it changes nothing');
  const caller = { entity: { type: 8, num: 1 }, name: 'client.admin', addrs: [] };
  return spec.decide(state, new CommandArgs({ prefix, ...args }), new Uint8Array(0), caller);
}

function refusal(work: () => unknown): [number, string] {
  try {
    work();
  } catch (e) {
    if (e instanceof CommandFailure) return [e.errno, e.message];
    throw e;
  }
  throw new Error('not refused');
}

it('sends the order to the primaries of those PGs that it makes sense for', async () => {
  const state = await stateOf();
  const osd = state.osdmap.pgToUpActing({ pool: 1, seed: 0 }).actingPrimary;
  const { reply, orders } = run(state, 'pg force-recovery', { pgid: ['1.0', '1.1', '1.3', '9.0'] });
  expect(reply.result).toBe(0);
  expect(reply.status).toBe(
    "pg 1.1 doesn't require recovery; pg 1.3 recovery already forced; pg 9.0 does not exist; " +
      `instructing pg(s) [1.0] on osd.${osd} to force-recovery; \n`,
  );
  expect([...orders!.keys()]).toEqual([osd]);
  expect(decodeFront(MOSDForceRecovery, orders!.get(osd)!)).toEqual({
    fsid: state.osdmap.fsid,
    pgs: [{ pgid: { pool: 1, seed: 0 }, shard: -1 }],
    options: FORCE_RECOVERY.recovery,
  });
});

it('takes whole pools, and takes back', async () => {
  const state = await stateOf();
  const forced = (prefix: string): string[] => {
    const { orders } = run(state, prefix, { who: ['p'] });
    const all = [...orders!.values()].map((o) => decodeFront(MOSDForceRecovery, o));
    return all.flatMap((o) => o.pgs.map(({ pgid }) => `${formatPgId(pgid)} ${o.options}`)).sort();
  };
  expect(forced('osd pool force-backfill')).toEqual(['1.0 2', '1.2 2', '1.3 2']);
  expect(forced('osd pool cancel-force-recovery')).toEqual(['1.3 5']);
  expect(run(state, 'pg cancel-force-backfill', { pgid: ['1.0'] }).reply).toMatchObject({
    result: 0,
    status: 'pg 1.0 backfill not forced; \n',
  });
});

it('refuses what is nobody, what is forced already, and OSDs that are not there', async () => {
  const state = await stateOf([0, 1, 2]);
  expect(refusal(() => run(state, 'pg force-recovery', { pgid: ['9.0'] }))).toEqual([
    2,
    'pg 9.0 does not exist; \n',
  ]);
  expect(refusal(() => run(state, 'pg force-recovery', { pgid: ['1.3'] }))[0]).toBe(22);
  expect(refusal(() => run(state, 'pg force-recovery', { pgid: ['x'] }))).toEqual([
    22,
    "invlaid pgid 'x'; \n",
  ]);
  expect(refusal(() => run(state, 'pg force-recovery', { pgid: ['1.0'] }))[0]).toBe(11);
  expect(refusal(() => run(state, 'osd pool force-recovery', { who: ['q'] }))).toEqual([
    2,
    "unrecognized pool 'q'",
  ]);
});
