import { fullLocation } from '../location.ts';
import type { CrushMap } from '../types.ts';
import { devicesAffectedMax, typedSteps } from './affected.ts';

const TRIES_MAX = 100;

/**
 * Places at random instead of by the map: devices are drawn until they are distinct, in, and in different buckets of
 * each type the rule names. Source: CrushTester::random_placement and check_valid_placement, release 16.2, with its
 * oddities: devices have no location of their own type, so a rule that names it beside another never finds two.
 */
export class RandomPlacement {
  private readonly map: CrushMap;
  private readonly weights: Uint32Array;
  private readonly random: () => number;
  private readonly locations = new Map<number, ReadonlyMap<string, string>>();

  constructor(map: CrushMap, weights: Uint32Array, random: () => number) {
    this.map = map;
    this.weights = weights;
    this.random = random;
  }

  /** @returns the devices; none when a hundred draws did not do */
  place(ruleId: number, numRep: number): number[] {
    const { maxDevices } = this.map;
    if (maxDevices === 0) return [];
    const count = Math.min(numRep, devicesAffectedMax(this.map, ruleId));
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const drawn = Array.from({ length: count }, () => this.random() % maxDevices);
      if (this.isValid(ruleId, drawn)) return drawn;
    }
    return [];
  }

  private isValid(ruleId: number, devices: number[]): boolean {
    if (devices.some((device) => this.weights[device] === 0)) return false;
    if (new Set(devices).size !== devices.length) return false;
    const types = typedSteps(this.map, ruleId).map((s) => this.map.typeNames.get(s.arg2) ?? '');
    if (types.length === 1 && types[0] === 'osd' && this.lowestTypeName() === 'osd') return true;
    const seen = new Set<string>();
    for (const device of devices) {
      const location = this.locationOf(device);
      for (const type of types) {
        const bucket = location.get(type) ?? '';
        if (seen.has(bucket)) return false;
        seen.add(bucket);
      }
    }
    return true;
  }

  private lowestTypeName(): string | undefined {
    return this.map.typeNames.get(Math.min(...this.map.typeNames.keys()));
  }

  private locationOf(device: number): ReadonlyMap<string, string> {
    let location = this.locations.get(device);
    if (!location) {
      location = this.map.itemNames.has(device)
        ? new Map(fullLocation(this.map, device))
        : new Map<string, string>();
      this.locations.set(device, location);
    }
    return location;
  }
}
