import { compareEVersion, EVERSION_ZERO, type EVersion, type HObject } from '../../wire/index.ts';
import type { MissingItem, MissingSet } from '../pg/missing.ts';
import { ENTRY, oidKey } from './log-entry.ts';
import type { Logged } from './logged.ts';
import type { PgLog } from './pg-log.ts';

/** What a merge changed, for the transaction that makes it durable. */
export interface MergeChanges {
  readonly divergent: readonly EVersion[];
  readonly added: readonly Logged[];
  readonly missing: readonly MissingItem[];
  readonly notMissing: readonly string[];
  /** Objects that do not exist in the authoritative history. */
  readonly removed: readonly HObject[];
}

/**
 * Brings a member's log to the authoritative one: drops its entries above `base` (nobody got an answer for them, or the
 * authoritative log would have them) and appends `entries`. Every object either side touched becomes missing in the
 * version the authoritative log gives it, or is removed. Changes `log` and `missing` in place; equal inputs give equal
 * results, so a member computes its own.
 */
export function mergeLog(
  log: PgLog,
  missing: MissingSet,
  base: EVersion,
  entries: readonly Logged[],
): MergeChanges {
  const divergent = log.rewind(base);
  const touched = new Map<string, { oid: HObject; need: EVersion }>();
  for (const e of divergent) {
    const key = oidKey(e.oid);
    // The oldest divergent entry knows the version the object had at `base`.
    if (e.kind !== ENTRY.error && !touched.has(key))
      touched.set(key, { oid: e.oid, need: e.prior });
  }
  for (const item of entries) {
    const { entry } = item;
    log.append(item);
    if (entry.kind === ENTRY.error) continue;
    const need = entry.kind === ENTRY.modify ? entry.version : EVERSION_ZERO;
    touched.set(oidKey(entry.oid), { oid: entry.oid, need });
  }
  const out = {
    missing: [] as MissingItem[],
    notMissing: [] as string[],
    removed: [] as HObject[],
  };
  for (const [key, item] of touched) {
    if (compareEVersion(item.need, EVERSION_ZERO) > 0) {
      missing.set(key, item);
      out.missing.push(item);
    } else {
      if (missing.delete(key)) out.notMissing.push(key);
      out.removed.push(item.oid);
    }
  }
  return { divergent: divergent.map((e) => e.version), added: entries, ...out };
}
