/**
 * One pass over the devices, from the emptiest to the fullest at its begin. A device that is within the limit takes one
 * shard per pass, so that the emptiest are served first without sorting anew.
 */
export class Pass {
  readonly order: readonly number[];
  readonly deviation: Float64Array;
  /** Everything before this index was used. */
  firstFresh = 0;
  private readonly used: Uint8Array;
  private readonly atBegin: Float64Array;

  constructor(order: readonly number[], deviation: Float64Array) {
    this.order = order;
    this.deviation = deviation;
    this.used = new Uint8Array(order.length);
    this.atBegin = Float64Array.from(order, (osd) => deviation[osd]!);
  }

  isUsed(i: number): boolean {
    return this.used[i] === 1;
  }
  use(i: number): void {
    this.used[i] = 1;
    while (this.used[this.firstFresh]) this.firstFresh++;
  }
  /** Deviation of the device at this index when the pass began. */
  before(i: number): number {
    return this.atBegin[i]!;
  }
}
