import {
  type CrushMap,
  copyCrushMap,
  deviceLimit,
  encodeCrushMap,
  tidyChooseArgs,
} from '../../crush/index.ts';
import { CephError, type ErrnoName, strerror } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { CommandFailure, changed, type Decision, ok, unchanged } from '../command.ts';

/**
 * The CRUSH map after an edit, encoded; undefined when the edit says that nothing changed. The map that epochs share
 * stays as it is: the edit gets a copy of its own.
 */
export function editCrush(
  osdmap: OSDMap,
  edit: (crush: CrushMap) => boolean | undefined,
): Buffer | undefined {
  const copy = copyCrushMap(osdmap.crushMap);
  if (edit(copy) === false) return undefined;
  // What Ceph does each time it reads a map, and so before it hands out one that an edit left.
  copy.maxDevices = deviceLimit(copy);
  tidyChooseArgs(copy);
  return encodeCrushMap(copy);
}

/**
 * Turns an edit's refusal into that of a command.
 * @param explain the status to show; default: the name of the error, as Ceph shows where it has no words of its own
 */
function asCommandFailure<T>(
  run: () => T,
  explain: (e: CephError) => string = (e) => strerror(e.errno),
): T {
  try {
    return run();
  } catch (e) {
    if (e instanceof CephError) throw new CommandFailure(e.code as ErrnoName, explain(e));
    throw e;
  }
}

/** The status of an edit whose own words are those of Ceph. */
export const itsWords = (e: CephError): string => e.message;

export interface EditTexts {
  /** Status once the edit is made. Default: none. */
  readonly done?: string;
  /** Status when nothing changed. Default: that of `done`. */
  readonly same?: string;
  readonly explain?: (e: CephError) => string;
}

/** The answer to a command that edits the map. The edit says with `false` that there was nothing to do. */
export function edited(
  osdmap: OSDMap,
  edit: (crush: CrushMap) => boolean | undefined,
  texts: EditTexts = {},
): Decision {
  const { done = '', same = done, explain } = texts;
  const crush = asCommandFailure(() => editCrush(osdmap, edit), explain);
  return crush ? changed(ok('', done), { osdmap: { crush } }) : unchanged(ok('', same));
}
