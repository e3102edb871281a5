/** Children of a node. */
const FAN = 16;

/**
 * A mask of 32 bits for each of many places, with the masks of 16 places joined above them, and so on up to one: the
 * nearest place whose mask has any of some bits is found in a few steps, however many places there are.
 */
export class MaskTree {
  /** The places' own masks first, the mask of all of them last. */
  private readonly levels: Uint32Array[] = [];

  constructor(size: number) {
    for (let length = Math.max(1, size); ; length = Math.ceil(length / FAN)) {
      this.levels.push(new Uint32Array(length));
      if (length === 1) return;
    }
  }

  get bytes(): number {
    return this.levels.reduce((sum, level) => sum + level.byteLength, 0);
  }

  /** Bits that some place has. */
  get all(): number {
    return this.levels[this.levels.length - 1]![0]!;
  }

  get(place: number): number {
    return this.levels[0]![place]!;
  }

  set(place: number, mask: number): void {
    let at = place;
    let value = mask >>> 0;
    for (let l = 0; this.levels[l]![at] !== value; l++) {
      const level = this.levels[l]!;
      level[at] = value;
      if (level.length === 1) return;
      const first = at - (at % FAN);
      const end = Math.min(first + FAN, level.length);
      value = 0;
      for (let i = first; i < end; i++) value |= level[i]!;
      value >>>= 0;
      at = first / FAN;
    }
  }

  /** The first place from `from` on that has any of these bits, or -1. */
  next(from: number, mask: number): number {
    let at = from;
    for (let l = 0; at < this.levels[l]!.length; ) {
      if ((this.levels[l]![at]! & mask) !== 0) {
        for (; l > 0; l--) {
          const below = this.levels[l - 1]!;
          at *= FAN;
          while ((below[at]! & mask) === 0) at++;
        }
        return at;
      }
      at++;
      if (at % FAN !== 0) continue;
      if (++l === this.levels.length) return -1;
      at /= FAN;
    }
    return -1;
  }

  /** The last place up to `from` that has any of these bits, or -1. */
  previous(from: number, mask: number): number {
    let at = from;
    for (let l = 0; at >= 0 && l < this.levels.length; ) {
      if ((this.levels[l]![at]! & mask) !== 0) {
        for (; l > 0; l--) {
          const below = this.levels[l - 1]!;
          at = Math.min(at * FAN + FAN, below.length) - 1;
          while ((below[at]! & mask) === 0) at--;
        }
        return at;
      }
      if (at % FAN !== 0) at--;
      else {
        at = at / FAN - 1;
        l++;
      }
    }
    return -1;
  }
}
