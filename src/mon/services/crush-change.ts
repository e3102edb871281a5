import { type CrushMap, decodeCrushMap, encodeCrushMap } from '../../crush/index.ts';
import { CephError, type ErrnoName } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { CommandFailure } from '../command.ts';

/**
 * The CRUSH map after an edit, encoded; undefined when the edit says that nothing changed. The map that epochs share
 * stays as it is: the edit gets a copy of its own.
 */
export function editCrush(
  osdmap: OSDMap,
  edit: (crush: CrushMap) => boolean | undefined,
): Buffer | undefined {
  const copy = decodeCrushMap(osdmap.data.crush);
  return edit(copy) === false ? undefined : encodeCrushMap(copy);
}

/** Turns an edit's refusal into that of a command. */
export function asCommandFailure<T>(run: () => T): T {
  try {
    return run();
  } catch (e) {
    if (e instanceof CephError) throw new CommandFailure(e.code as ErrnoName, e.message);
    throw e;
  }
}
