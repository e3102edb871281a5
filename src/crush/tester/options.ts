/** What a test of a map tries, and what it reports. Names follow the options of `crushtool --test`. */
export interface CrushTestOptions {
  /** First and last rule; all rules unless both are 0 or more. */
  minRule?: number;
  maxRule?: number;
  /** Only rules of this ruleset. */
  ruleset?: number;
  /** First and last input; 0 to 1023 unless both are 0 or more. */
  minX?: number;
  maxX?: number;
  /** Size of the results; without it every size the rule serves. */
  numRep?: number;
  /** Inputs are hashed with this pool's id, as a placement group's number is. */
  poolId?: bigint;
  /** Device to weight, 16.16, up to 0x10000; other devices of the map weigh 0x10000. */
  deviceWeights?: ReadonlyMap<number, number>;
  /** Rounds that the data files tell apart. Default: 1. */
  batches?: number;
  /** Random devices in place of the map's: from the same generator, so always the same. */
  simulate?: boolean;
  /** Share of the devices to take out in each bucket of devices visited, single precision. Default: 0. */
  markDownRatio?: number;
  /** Share of the buckets of devices to visit. Default: 1. */
  markDownBucketRatio?: number;
  showMappings?: boolean;
  showBadMappings?: boolean;
  showStatistics?: boolean;
  /** Implies the statistics. */
  showUtilization?: boolean;
  /** Also devices that weigh or store nothing; implies the statistics. */
  showUtilizationAll?: boolean;
  showChooseTries?: boolean;
  /** Write data files; their names begin with this. */
  dataFilePrefix?: string;
}

/** Where a test writes. Lines come with their newline. */
export interface CrushTestSink {
  out(text: string): void;
  err(text: string): void;
  /** A data file, whole. */
  file(name: string, text: string): void;
  /** True once nobody reads: the test ends early. */
  readonly isClosed?: boolean;
}

const X_MAX_DEFAULT = 1023;

/** The inputs, first and last. Source: CrushTester::test, crush/CrushTester.cc, release 16.2. */
export function inputRange({ minX = -1, maxX = -1 }: CrushTestOptions): [min: number, max: number] {
  return minX < 0 || maxX < 0 ? [0, X_MAX_DEFAULT] : [minX, maxX];
}

/** The rules asked for, first and last, whether they exist or not. */
export function ruleRange(
  { minRule = -1, maxRule = -1 }: CrushTestOptions,
  ruleCount: number,
): [min: number, max: number] {
  if (minRule < 0 || maxRule < 0) return [0, ruleCount - 1];
  return [minRule, Math.min(maxRule, ruleCount - 1)];
}
