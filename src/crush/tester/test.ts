import { general } from '../../codec/index.ts';
import { crushHash2 } from '../hash.ts';
import { CrushMapper } from '../mapping/mapper.ts';
import { CRUSH_ITEM_NONE, type CrushMap, type CrushRule } from '../types.ts';
import { devicesAffectedMax } from './affected.ts';
import { type TestCounts, writeDataFiles } from './data-files.ts';
import { lrand48 } from './lrand48.ts';
import { type CrushTestOptions, type CrushTestSink, inputRange, ruleRange } from './options.ts';
import { RandomPlacement } from './simulation.ts';
import { initialWeights, markDown } from './weights.ts';

/** The default of `poolId`: inputs are taken as they are. */
const NO_POOL = -1n;

/**
 * Tries a map's rules on a range of inputs and reports in the words of `crushtool --test`. Source: CrushTester::test in
 * crush/CrushTester.cc, release 16.2.
 */
export function testCrushMap(map: CrushMap, options: CrushTestOptions, sink: CrushTestSink): void {
  new MapTest(map, options, sink).run();
}

/** Sizes of results to try with a rule, first and last. */
export function sizeRange({ numRep = -1 }: CrushTestOptions, rule: CrushRule): [number, number] {
  return numRep < 0 ? [rule.minSize, rule.maxSize] : [numRep, numRep];
}

/** Fills `out` with what an input maps to. @returns how many */
type Placer = (ruleId: number, x: number, numRep: number, out: Int32Array) => number;

class MapTest {
  private readonly map: CrushMap;
  private readonly options: CrushTestOptions;
  private readonly sink: CrushTestSink;
  private readonly showStatistics: boolean;
  private readonly mapper: CrushMapper;
  private readonly weights: Uint32Array;
  private readonly place: Placer;
  private readonly minX: number;
  private readonly maxX: number;

  constructor(map: CrushMap, options: CrushTestOptions, sink: CrushTestSink) {
    this.map = map;
    this.options = options;
    this.sink = sink;
    this.showStatistics = [
      options.showStatistics,
      options.showUtilization,
      options.showUtilizationAll,
    ].includes(true);
    this.mapper = new CrushMapper(map, { countTries: options.showChooseTries === true });
    this.weights = initialWeights(map, options);
    [this.minX, this.maxX] = inputRange(options);
    const random = lrand48();
    if (options.showUtilizationAll) {
      const hex = Array.from(this.weights, (w) => w.toString(16));
      sink.err(`devices weights (hex): [${hex.join(',')}]\n`);
    }
    markDown(map, options, this.weights, random);
    this.place = options.simulate ? this.byChance(random) : this.byMap();
  }

  run(): void {
    const [first, last] = ruleRange(this.options, this.map.rules.length);
    for (let id = first; id <= last && !this.sink.isClosed; id++) {
      const rule = this.map.rules[id];
      if (rule) this.testRule(id, rule);
      else if (this.showStatistics) this.sink.out(`rule ${id} dne\n`);
    }
    if (!this.options.showChooseTries) return;
    const tries = this.mapper.choosesByTries.subarray(0, this.map.tunables.chooseTotalTries);
    tries.forEach((count, i) => {
      this.sink.out(`${String(i).padStart(2)}: ${String(count).padStart(9)}\n`);
    });
  }

  private byMap(): Placer {
    const { mapper, weights } = this;
    const { poolId = NO_POOL } = this.options;
    const pool = Number(BigInt.asUintN(32, poolId));
    // The default choose_args stand in for those of pool 0, which Ceph's tester asks for.
    return (ruleId, x, numRep, out) => {
      const input = poolId === NO_POOL ? x : crushHash2(x, pool);
      return mapper.runInto(ruleId, input, numRep, weights, out, 0);
    };
  }

  private byChance(random: () => number): Placer {
    const placement = new RandomPlacement(this.map, this.weights, random);
    return (ruleId, _x, numRep, out) => {
      const devices = placement.place(ruleId, numRep);
      out.set(devices);
      return devices.length;
    };
  }

  private testRule(id: number, rule: CrushRule): void {
    const { ruleset = -1 } = this.options;
    if (ruleset >= 0 && rule.ruleset !== ruleset) return;
    const [minRep, maxRep] = sizeRange(this.options, rule);
    if (this.showStatistics) {
      const inputs = `x = ${this.minX}..${this.maxX}, numrep = ${minRep}..${maxRep}`;
      this.sink.out(`rule ${id} (${this.nameOf(id)}), ${inputs}\n`);
    }
    for (let numRep = minRep; numRep <= maxRep && !this.sink.isClosed; numRep++) {
      this.testSize(id, numRep);
    }
  }

  private nameOf(id: number): string {
    return this.map.ruleNames.get(id) ?? '';
  }

  private testSize(id: number, numRep: number): void {
    const inputCount = this.maxX - this.minX + 1;
    // Weights and the products below are C's ints, and wrap.
    const total = this.weights.reduce((sum, w) => (sum + w) | 0, 0);
    if (total === 0) return;
    const placed = Math.imul(Math.min(numRep, devicesAffectedMax(this.map, id)), inputCount);
    const proportions = Float32Array.from(this.weights, (w) => Math.fround(w) / Math.fround(total));
    const counts: TestCounts = {
      weights: this.weights,
      proportions,
      expected: proportions.map((p) => p * Math.fround(placed)),
      stored: new Uint32Array(this.weights.length),
      batches: [],
    };
    const sizes = new Map<number, number>();
    const placements: string[] = [];
    this.placeAll(id, numRep, counts, sizes, placements);
    if (this.sink.isClosed) return;
    if (this.showStatistics) this.report(id, numRep, sizes, counts);
    const { dataFilePrefix, numRep: columns = 0 } = this.options;
    if (dataFilePrefix === undefined) return;
    writeDataFiles(this.sink, dataFilePrefix + this.nameOf(id), counts, placements, columns);
  }

  private placeAll(
    id: number,
    numRep: number,
    counts: TestCounts,
    sizes: Map<number, number>,
    placements: string[],
  ): void {
    const { batches = 1, simulate, showMappings, showBadMappings, dataFilePrefix } = this.options;
    const { sink, place } = this;
    const source = simulate ? 'RNG' : 'CRUSH';
    const out = new Int32Array(Math.max(0, numRep));
    const perBatch = Math.trunc((this.maxX - this.minX + 1) / batches);
    let x = this.minX;
    for (let batch = 0; batch < batches; batch++) {
      const last = batch === batches - 1 ? this.maxX : x + perBatch - 1;
      const stored = new Uint32Array(this.weights.length);
      counts.batches.push(x <= last ? stored : undefined);
      for (; x <= last; x++) {
        const length = place(id, x, numRep, out);
        let hasNone = false;
        for (let i = 0; i < length; i++) {
          const item = out[i]!;
          if (item === CRUSH_ITEM_NONE) hasNone = true;
          else if (item >= 0) {
            counts.stored[item]!++;
            stored[item]!++;
          }
        }
        sizes.set(length, (sizes.get(length) ?? 0) + 1);
        const isBad = showBadMappings && (length !== numRep || hasNone);
        if (!showMappings && !isBad && dataFilePrefix === undefined) continue;
        const list = out.subarray(0, length).join(',');
        if (showMappings) sink.out(`${source} rule ${id} x ${x} [${list}]\n`);
        if (dataFilePrefix !== undefined) {
          placements.push(length > 0 ? `${x},${list}\n` : `${x}\n`);
        }
        if (isBad) sink.out(`bad mapping rule ${id} x ${x} num_rep ${numRep} result [${list}]\n`);
        if (sink.isClosed) return;
      }
    }
  }

  private report(
    id: number,
    numRep: number,
    sizes: ReadonlyMap<number, number>,
    { stored, expected }: TestCounts,
  ): void {
    const { showUtilization, showUtilizationAll } = this.options;
    const inputCount = this.maxX - this.minX + 1;
    const rule = `rule ${id} (${this.nameOf(id)}) num_rep ${numRep}`;
    for (const [size, count] of [...sizes].sort((a, b) => a[0] - b[0])) {
      this.sink.out(`${rule} result size == ${size}:\t${count}/${inputCount}\n`);
    }
    if (!showUtilization && !showUtilizationAll) return;
    stored.forEach((count, i) => {
      const hope = expected[i]!;
      if (showUtilization && !(hope > 0 && count > 0)) return;
      this.sink.out(`  device ${i}:\t\t stored : ${count}\t expected : ${general(hope)}\n`);
    });
  }
}
