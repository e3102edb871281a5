import { PG_AUTOSCALE_MODE, type PgPool } from '../../maps/index.ts';
import { type CommandSpec, changed, ok, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';
import { isAutoscaleOff, NO_AUTOSCALE } from '../views/index.ts';

// Texts: pybind/mgr/pg_autoscaler/module.py, release 16.2.15.

/** Turns all pools, and those to come, off or on. */
function setAll(state: MonState, isOff: boolean) {
  if (isOff === isAutoscaleOff(state)) {
    return unchanged(ok('', `noautoscale is already ${isOff ? 'set' : 'unset'}!`));
  }
  const mode = isOff ? 'off' : 'on';
  const pgAutoscaleMode = PG_AUTOSCALE_MODE[mode];
  const newPools = new Map<number, PgPool>(
    [...state.osdmap.data.pools].map(([id, pool]) => [id, { ...pool, pgAutoscaleMode }]),
  );
  const text = `noautoscale is ${isOff ? 'set' : 'unset'}, all pools now have autoscale ${mode}`;
  return changed(ok('', text), {
    config: [
      { section: 'mgr', mask: '', name: NO_AUTOSCALE, value: isOff ? 'true' : 'false' },
      { section: 'global', mask: '', name: 'osd_pool_default_pg_autoscale_mode', value: mode },
    ],
    ...(newPools.size > 0 ? { osdmap: { newPools } } : {}),
  });
}

const base = { module: 'mgr', perm: 'rw' };

export const autoscaleCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'osd pool set noautoscale',
    help: 'Let no pool be scaled by the autoscaler, nor those to come.',
    decide: (state) => setAll(state, true),
  },
  {
    ...base,
    sig: 'osd pool unset noautoscale',
    help: 'Let all pools be scaled by the autoscaler, and those to come.',
    decide: (state) => setAll(state, false),
  },
  {
    ...base,
    sig: 'osd pool get noautoscale',
    help: 'Say whether the autoscaler is off for all pools.',
    decide: (state) => unchanged(ok('', `noautoscale is ${isAutoscaleOff(state) ? 'on' : 'off'}`)),
  },
];
