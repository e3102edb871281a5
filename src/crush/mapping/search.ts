import { hash2 } from '../hash.ts';
import type { CrushTunables } from '../types.ts';
import { BucketChooser } from './choose.ts';
import type { ArgsLayout, Layout } from './layout.ts';
import { Prospects } from './prospects.ts';

/** A weight of 1.0. */
const WEIGHT_ONE = 0x10000;

/** Failures in a mapping before it is asked whether there is any hope, plus one per so many devices to be looked at. */
const PATIENCE = 10;
const DEVICES_PER_FAILURE = 256;
/** More failures than a mapping can have in a day; as an integer, which costs less than infinity. */
const ENDLESS_PATIENCE = 0x3fffffff;

/**
 * What holds for the mapping under way, for the two ways to search below a bucket: {@link Firstn} and {@link Indep}.
 * Nothing in any of them allocates.
 */
export class Search {
  readonly layout: Layout;
  readonly chooser: BucketChooser;
  private readonly choosesByTries: Uint32Array;
  private readonly prospects: Prospects;
  /**
   * Failures left until the prospects are asked. A look at all weights costs about as much as the failures before it,
   * so a mapping that fails is never much slower for it, and one that does not fail never looks.
   */
  private patience = 0;
  private readonly patienceMax: number;
  /** The input, as int32. */
  x = 0;
  private weights: ArrayLike<number> = [];
  /** Attempts at each replica. */
  chooseTries = 0;
  /** Attempts at the leaf below an item that was chosen; 0 for what the tunables say. */
  leafTries = 0;
  /** Collisions after which a draw is repeated in the same bucket instead of from the top. */
  localTries = 0;
  /** Like `localTries`, but by permutation, so that every item of the bucket has its turn. */
  fallbackTries = 0;
  varyR = 0;
  stable = false;
  descendOnce = false;

  /** @param choosesByTries see CrushMapper; counts beyond its end are lost, all of them when it is empty */
  constructor(layout: Layout, choosesByTries: Uint32Array) {
    this.layout = layout;
    this.choosesByTries = choosesByTries;
    this.chooser = new BucketChooser(layout);
    this.prospects = new Prospects(layout);
    // Tries that are not made cannot be counted.
    this.patienceMax =
      choosesByTries.length > 0
        ? ENDLESS_PATIENCE
        : PATIENCE + Math.floor(layout.maxDevices / DEVICES_PER_FAILURE);
  }

  /** Sets out on another mapping, with the map's tunables until a rule step overrides them. */
  begin(
    t: CrushTunables,
    x: number,
    weights: ArrayLike<number>,
    args: ArgsLayout | undefined,
  ): void {
    this.x = x | 0;
    this.weights = weights;
    this.chooser.args = args;
    this.patience = this.patienceMax;
    // The tunable counts retries, everything else counts tries.
    this.chooseTries = t.chooseTotalTries + 1;
    this.leafTries = 0;
    this.localTries = t.chooseLocalTries;
    this.fallbackTries = t.chooseLocalFallbackTries;
    this.varyR = t.chooseleafVaryR;
    this.stable = t.chooseleafStable !== 0;
    this.descendOnce = t.chooseleafDescendOnce !== 0;
  }

  /** Index of the bucket with this id; -1 for a device or an empty slot. */
  bucketIndex(item: number): number {
    const index = -1 - item;
    return index >= 0 && index < this.layout.count && this.layout.alg[index] !== 0 ? index : -1;
  }

  /** Type of an item: 0 for a device, -1 for a bucket that does not exist. */
  typeOf(item: number): number {
    if (item >= 0) return 0;
    const index = this.bucketIndex(item);
    return index < 0 ? -1 : this.layout.type[index]!;
  }

  /** Does this mapping pass the device over? By its weight, and by chance if that lies between 0 and 1. */
  isOut(device: number): boolean {
    if (device >= this.weights.length) return true;
    const weight = this.weights[device]!;
    if (weight >= WEIGHT_ONE) return false;
    return weight === 0 || (hash2(this.x, device) & 0xffff) >= weight;
  }

  count(tries: number): void {
    if (tries < this.choosesByTries.length) this.choosesByTries[tries]!++;
  }

  /** Notes a try that failed. */
  failed(): void {
    if (--this.patience === 0) this.prospects.use(this.weights);
  }

  /** Is it known that no item beyond the `found` ones is to be found from the bucket? */
  isHopeless(bucket: number, type: number, toLeaf: boolean, found: number): boolean {
    return this.patience <= 0 && found >= this.prospects.most(bucket, type, toLeaf);
  }

  /** Is it known that a search that has come into the bucket fails, and goes back to the top? */
  isVain(bucket: number, type: number, toLeaf: boolean): boolean {
    return this.patience <= 0 && this.prospects.isVain(bucket, type, toLeaf);
  }
}

/** Does the list have the item between these places? */
export function contains(list: Int32Array, from: number, to: number, item: number): boolean {
  for (let i = from; i < to; i++) if (list[i] === item) return true;
  return false;
}
