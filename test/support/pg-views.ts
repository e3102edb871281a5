import { firstObject } from '../../src/osd/recovery/import.ts';
import { type HObject, SNAP_HEAD } from '../../src/wire/index.ts';

/** A map of that epoch as a PG sees it whose only member is OSD 0. */
export function loneView(epoch: number) {
  return {
    epoch,
    up: [0],
    upPrimary: 0,
    acting: [0],
    primary: 0,
    size: 1,
    minSize: 1,
    pgCount: 1,
    upFrom: [1],
  };
}

/** An object by its name, where it hashes to. */
export function objectNamed(name: string, hash = 0, pool = 1): HObject {
  return { ...firstObject(pool), name, hash, snap: SNAP_HEAD };
}
