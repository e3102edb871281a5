import {
  CRUSH_ITEM_NONE,
  type CrushMap,
  type CrushRuleStep,
  type CrushTunables,
  RULE_OP,
} from '../types.ts';
import { Firstn } from './firstn.ts';
import { ForcedWay } from './force.ts';
import { Indep } from './indep.ts';
import { type ArgsLayout, argsFor, layOut } from './layout.ts';
import { Search } from './search.ts';
import type { Straw2Engine } from './straw2.ts';

export type { Straw2Engine } from './straw2.ts';

export interface CrushMapperOptions {
  /** Count in {@link CrushMapper.choosesByTries} how many tries each choice takes. Default: false, which costs nothing. */
  countTries?: boolean;
  /** What draws in straw2 buckets; the results are the same. Default: WebAssembly where the host has it. */
  engine?: Straw2Engine;
}

/**
 * A compiled map: runs rules, bit-exact with crush_do_rule of crush/mapper.c, release 16.2. Compiling copies what it
 * needs, so later edits of the map change nothing here. A mapping allocates nothing once the working arrays have
 * grown to the largest result asked for.
 */
export class CrushMapper {
  /**
   * With `countTries`: the entry n counts the choices that ended after n failed tries, of the mappings since the caller
   * last cleared it with `fill(0)`. A replica or the leaf below it is a choice of a `firstn` step when it is found; all
   * that an `indep` step does below one bucket is one choice, found or not, with n the rounds it took. One entry more
   * than the tunable `chooseTotalTries`; longer searches are not counted. Else empty. Source: crush_map::choose_tries,
   * crush/crush.h, release 16.2, of which `crushtool --show-choose-tries` prints the first `chooseTotalTries`.
   */
  readonly choosesByTries: Uint32Array;
  private readonly search: Search;
  private readonly firstn: Firstn;
  private readonly indep: Indep;
  private readonly maxDevices: number;
  private readonly tunables: CrushTunables;
  private readonly rules: readonly (readonly CrushRuleStep[] | undefined)[];
  private readonly argSets: ReadonlyMap<number, ArgsLayout>;
  /** Items the next step starts from, what the step under way chooses, and the leaves below that. */
  private work = new Int32Array(16);
  private chosen = new Int32Array(16);
  private leaves = new Int32Array(16);
  private readonly forcedWay: ForcedWay;
  /** The device that a caller wants first, until it is placed; -1 for none. */
  private forced = -1;
  private forcedIsPlaced = false;

  constructor(map: CrushMap, options: CrushMapperOptions = {}) {
    this.choosesByTries = new Uint32Array(
      options.countTries ? map.tunables.chooseTotalTries + 1 : 0,
    );
    const layout = layOut(map, options.engine);
    this.search = new Search(layout, this.choosesByTries);
    this.firstn = new Firstn(this.search);
    this.indep = new Indep(this.search);
    this.maxDevices = map.maxDevices;
    this.tunables = { ...map.tunables };
    this.rules = map.rules.map((rule) => rule?.steps.map((step) => ({ ...step })));
    this.argSets = layout.args;
    this.forcedWay = new ForcedWay(layout);
  }

  /** Like {@link runInto}, with a result of its own. */
  run(
    ruleId: number,
    x: number,
    resultMax: number,
    weights: ArrayLike<number>,
    chooseArgsKey?: number,
    force?: number,
  ): number[] {
    const out = new Int32Array(resultMax);
    const length = this.runInto(ruleId, x, resultMax, weights, out, chooseArgsKey, force);
    return Array.from(out.subarray(0, length));
  }

  /**
   * Maps `x` to items in the caller's array, without allocating. `firstn` rules may find fewer than `resultMax`;
   * `indep` rules leave CRUSH_ITEM_NONE in the places where they found none.
   * @param weights 16.16 per device: 0x10000 is in, 0 is out; a device beyond the end is out
   * @param out takes up to `resultMax` ids
   * @param chooseArgsKey pool id whose choose_args apply, falling back to the default set; left out for none
   * @param force a device to be placed first: each step takes the item above it (or the device) as the first of its
   *   type, in place of its first draw, and draws the others as ever, so none of them is the same or in the same
   *   failure domain. Of several take..emit groups it comes first in the first one whose take it is below. A device that
   *   the mapping could not choose is not forced, and the result is as without: one that is out for this x, is below no
   *   take, does not exist, or has nothing of a step's type above it. Like the forcefeed of Ceph's first releases, but that
   *   refused a device that does not exist.
   * @returns how many ids were written; 0 for a rule that does not exist
   */
  runInto(
    ruleId: number,
    x: number,
    resultMax: number,
    weights: ArrayLike<number>,
    out: Int32Array,
    chooseArgsKey?: number,
    force = -1,
  ): number {
    const steps = this.rules[ruleId];
    if (!steps) return 0;
    this.search.begin(this.tunables, x, weights, argsFor(this.argSets, chooseArgsKey));
    this.makeRoom(resultMax);
    this.forced = force >= 0 && force < this.maxDevices && !this.search.isOut(force) ? force : -1;
    this.forcedIsPlaced = false;
    let workCount = 0;
    let length = 0;
    for (let s = 0; s < steps.length; s++) {
      const step = steps[s]!;
      switch (step.op) {
        case RULE_OP.TAKE:
          if (this.exists(step.arg1)) {
            this.work[0] = step.arg1;
            workCount = 1;
          }
          break;
        case RULE_OP.CHOOSE_FIRSTN:
        case RULE_OP.CHOOSE_INDEP:
        case RULE_OP.CHOOSELEAF_FIRSTN:
        case RULE_OP.CHOOSELEAF_INDEP:
          if (workCount > 0) workCount = this.chooseStep(step, workCount, resultMax);
          break;
        case RULE_OP.EMIT:
          for (let i = 0; i < workCount && length < resultMax; i++) out[length++] = this.work[i]!;
          if (this.forcedIsPlaced) this.forced = -1;
          workCount = 0;
          break;
        default:
          this.setStep(step);
      }
    }
    return length;
  }

  private exists(item: number): boolean {
    return item >= 0 ? item < this.maxDevices : this.search.bucketIndex(item) >= 0;
  }

  private makeRoom(resultMax: number): void {
    if (resultMax <= this.work.length) return;
    this.work = new Int32Array(resultMax);
    this.chosen = new Int32Array(resultMax);
    this.leaves = new Int32Array(resultMax);
  }

  /** Replaces every bucket of the work list by what is chosen below it. @returns the new length of the list */
  private chooseStep(step: CrushRuleStep, workCount: number, resultMax: number): number {
    const { search, chosen } = this;
    const type = step.arg2;
    const numrep = step.arg1 > 0 ? step.arg1 : step.arg1 + resultMax;
    const firstn = step.op === RULE_OP.CHOOSE_FIRSTN || step.op === RULE_OP.CHOOSELEAF_FIRSTN;
    const toLeaf = step.op === RULE_OP.CHOOSELEAF_FIRSTN || step.op === RULE_OP.CHOOSELEAF_INDEP;
    const leaves = toLeaf ? this.leaves : undefined;
    let length = 0;
    for (let i = 0; i < workCount && numrep > 0; i++) {
      const bucket = search.bucketIndex(this.work[i]!);
      if (bucket < 0) continue;
      const room = resultMax - length;
      // The forced device is below the first bucket, if it is below any: every step puts it first.
      const placed = i === 0 && room > 0 && this.forced >= 0 ? this.placeForced(bucket, type) : 0;
      if (firstn) {
        length += this.firstn.fill(bucket, numrep, type, chosen, length, placed, room, leaves);
      } else {
        const left = Math.min(numrep, room);
        const tries = search.chooseTries;
        this.indep.fill(bucket, left, numrep, type, chosen, length, 0, placed, tries, leaves, 0);
        length += left;
      }
    }
    if (toLeaf) for (let i = 0; i < length; i++) chosen[i] = this.leaves[i]!;
    this.chosen = this.work;
    this.work = chosen;
    return length;
  }

  /** Puts what is to come first in its place. @returns how many items that makes */
  private placeForced(bucket: number, type: number): number {
    const item = this.forcedWay.itemBelow(bucket, this.forced, type);
    if (item === CRUSH_ITEM_NONE) return 0;
    this.chosen[0] = item;
    this.leaves[0] = this.forced;
    this.forcedIsPlaced = true;
    return 1;
  }

  /** Overrides a tunable for the rest of the rule; a value out of range leaves it as it is. */
  private setStep({ op, arg1 }: CrushRuleStep): void {
    const { search } = this;
    if (op === RULE_OP.SET_CHOOSE_TRIES && arg1 > 0) search.chooseTries = arg1;
    else if (op === RULE_OP.SET_CHOOSELEAF_TRIES && arg1 > 0) search.leafTries = arg1;
    else if (arg1 < 0) return;
    else if (op === RULE_OP.SET_CHOOSE_LOCAL_TRIES) search.localTries = arg1;
    else if (op === RULE_OP.SET_CHOOSE_LOCAL_FALLBACK_TRIES) search.fallbackTries = arg1;
    else if (op === RULE_OP.SET_CHOOSELEAF_VARY_R) search.varyR = arg1;
    else if (op === RULE_OP.SET_CHOOSELEAF_STABLE) search.stable = arg1 !== 0;
  }
}

/**
 * The rule a pool's mapping runs: the first of its ruleset and type that serves its size.
 * @returns rule id, or -1 for none
 */
export function findRule(map: CrushMap, ruleset: number, type: number, size: number): number {
  return map.rules.findIndex(
    (r) =>
      r !== undefined &&
      r.ruleset === ruleset &&
      r.type === type &&
      r.minSize <= size &&
      size <= r.maxSize,
  );
}
