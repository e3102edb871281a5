import { type CrushMap, itemWeightAt, RULE_OP } from '../crush/index.ts';
import { type OSDMap, type PgKey, ruleOf, type UpmapItem } from '../maps/index.ts';
import { parsePgId } from '../wire/index.ts';
import { upmapped } from './overrides.ts';

/** Overrides that no longer make sense. */
export interface StaleUpmaps {
  /** PGs whose pg_upmap and pg_upmap_items should go. */
  readonly cancel: PgKey[];
  /** PGs whose items should be these instead: some of theirs lead from or to nowhere. */
  readonly replace: Map<PgKey, UpmapItem[]>;
}

/**
 * Which of a map's upmaps to remove: of a PG that is no more, against the rule, to a device without weight, to
 * fewer devices than the pool has copies, or without effect. Source: OSDMap::check_pg_upmaps, release 16.2.
 */
export function checkPgUpmaps(map: OSDMap): StaleUpmaps {
  const { pgUpmap, pgUpmapItems, osdWeight } = map.data;
  const cancel: PgKey[] = [];
  const replace = new Map<PgKey, UpmapItem[]>();
  const rules = new RuleTrees(map.crushMap);
  for (const key of new Set([...pgUpmap.keys(), ...pgUpmapItems.keys()])) {
    const pg = parsePgId(key)!;
    const pool = map.pool(pg.pool);
    if (!pool || pg.seed >= pool.pgNum) {
      cancel.push(key);
      continue;
    }
    const raw = map.pgToRaw(pg);
    const row = upmapped(map, key, raw);
    const rule = ruleOf(map.crushMap, pool);
    const isServed = row.every((osd) => rules.weighs(rule, osd) && osdWeight[osd] !== 0);
    const whole = pgUpmap.get(key);
    const isIdle = whole && (whole.length !== pool.size || sameRow(whole, raw));
    if (!isServed || !rules.allows(rule, pool.size, row) || isIdle) {
      cancel.push(key);
      continue;
    }
    const items = pgUpmapItems.get(key) ?? [];
    const live = items.filter(([from, to]) => raw.includes(from) && osdWeight[to] !== 0);
    if (live.length === items.length) continue;
    if (live.length === 0) cancel.push(key);
    else replace.set(key, live);
  }
  return { cancel, replace };
}

function sameRow(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((osd, i) => osd === b[i]);
}

/** What lies where below the roots that rules take, looked up once per map. */
class RuleTrees {
  private readonly crush: CrushMap;
  /** Per root: device or bucket to the bucket that holds it. */
  private readonly holders = new Map<number, ReadonlyMap<number, number>>();

  constructor(crush: CrushMap) {
    this.crush = crush;
  }

  private below(root: number): ReadonlyMap<number, number> {
    const known = this.holders.get(root);
    if (known) return known;
    const holders = new Map<number, number>();
    const open = [root];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const item of this.crush.buckets.get(id)?.items ?? []) {
        if (holders.has(item)) continue;
        holders.set(item, id);
        if (item < 0) open.push(item);
      }
    }
    this.holders.set(root, holders);
    return holders;
  }

  private rootsOf(rule: number): number[] {
    const steps = this.crush.rules[rule]?.steps ?? [];
    return steps.filter((s) => s.op === RULE_OP.TAKE && s.arg1 < 0).map((s) => s.arg1);
  }

  /**
   * Does a device lie below a root that the rule takes, with a weight? A place without a device does not, and Ceph
   * cancels for it. Source: CrushWrapper::get_rule_weight_osd_map, release 16.2.
   */
  weighs(rule: number, osd: number): boolean {
    return this.rootsOf(rule).some((root) => {
      const holder = this.crush.buckets.get(this.below(root).get(osd) ?? 0);
      return holder !== undefined && itemWeightAt(holder, holder.items.indexOf(osd)) > 0;
    });
  }

  private ancestor(rule: number, osd: number, type: number): number | undefined {
    for (const root of this.rootsOf(rule)) {
      const holders = this.below(root);
      for (let id = holders.get(osd); id !== undefined; id = holders.get(id)) {
        if (this.crush.buckets.get(id)?.type === type) return id;
      }
    }
    return undefined;
  }

  /** Source: CrushWrapper::verify_upmap, release 16.2. */
  allows(rule: number, size: number, row: readonly number[]): boolean {
    let root = 0;
    let cursor = 0;
    let count = 1;
    for (const { op, arg1, arg2 } of this.crush.rules[rule]?.steps ?? []) {
      if (op === RULE_OP.TAKE) root = arg1;
      const isLeaf = op === RULE_OP.CHOOSELEAF_FIRSTN || op === RULE_OP.CHOOSELEAF_INDEP;
      if (isLeaf || op === RULE_OP.CHOOSE_FIRSTN || op === RULE_OP.CHOOSE_INDEP) {
        const wanted = arg1 > 0 ? arg1 : arg1 + size;
        count *= wanted;
        if (arg2 > 0 && !this.isSpread(rule, arg2, row, isLeaf ? undefined : wanted)) return false;
      }
      if (op === RULE_OP.EMIT) {
        const part = row.slice(cursor, cursor + count);
        if (root < 0 && part.some((osd) => !this.below(root).has(osd))) return false;
        if (root < 0) cursor += count;
        count = 1;
        root = 0;
      }
    }
    return true;
  }

  /** Below how many items of the type do the devices lie: `most` at most, or one device below each. */
  private isSpread(
    rule: number,
    type: number,
    row: readonly number[],
    most: number | undefined,
  ): boolean {
    const seen = new Set<number>();
    for (const osd of new Set(row)) {
      const above = this.ancestor(rule, osd, type);
      if (above === undefined) continue;
      if (most === undefined && seen.has(above)) return false;
      seen.add(above);
    }
    return most === undefined || seen.size <= most;
  }
}
