import { struct, type ValueOf } from '../../codec/index.ts';
import { EVersion, HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';

/** An object whose change is in the log while its content is not (yet) here. */
export const MissingItem = struct('MissingItem', { oid: HObject, need: EVersion });
export type MissingItem = ValueOf<typeof MissingItem>;

/** Objects by {@link oidKey}. What is here must not be read, and is brought by recovery. */
export type MissingSet = Map<string, MissingItem>;

export function missingSet(items: Iterable<MissingItem>): MissingSet {
  const out: MissingSet = new Map();
  for (const item of items) out.set(oidKey(item.oid), item);
  return out;
}
