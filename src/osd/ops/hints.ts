import { DecodeError } from '../../errors/index.ts';
import type { Collection, StoreOp } from '../../store/index.ts';
import type { HObject } from '../../wire/index.ts';
import { decodeObjectInfo, INFO_ATTR } from './object-info.ts';

/**
 * Tells a store what a client said of an object's data, by the object's attributes: for an object that comes from
 * elsewhere, before its data. What is damaged says nothing: whoever serves the object will find out.
 */
export function hintOps(
  c: Collection,
  oid: HObject,
  attrs: ReadonlyMap<string, Uint8Array>,
): StoreOp[] {
  const flags = flagsIn(attrs.get(INFO_ATTR));
  return flags === 0 ? [] : [{ op: 'hint', c, oid, flags }];
}

function flagsIn(info: Uint8Array | undefined): number {
  if (!info) return 0;
  try {
    return decodeObjectInfo(info).allocHintFlags;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return 0;
  }
}
