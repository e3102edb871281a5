import type { OSDMap } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';

/** The map a command asks for by its `epoch` argument: the newest without one. */
export function mapFor(state: MonState, args: CommandArgs): OSDMap {
  const epoch = args.number('epoch');
  if (epoch === undefined || epoch === state.osdmap.epoch) return state.osdmap;
  const map = state.osdmapAt(epoch);
  if (!map) throw new CommandFailure('ENOENT', `there is no map for epoch ${epoch}`);
  return map;
}
