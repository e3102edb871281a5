/**
 * The logarithm of straw2's draws: 2^48 * log2((u + 1) / 65536) for a 16-bit u, in the fixed-point approximation that
 * every Ceph program shares, errors included. Placement depends on each bit, so the three tables behind it are rebuilt
 * from their rules, with the entries that do not follow their rule listed. Source: crush/crush_ln_table.h and crush_ln
 * in crush/mapper.c, release 16.2, as facts.
 */

/** Bits of the fraction in exact logarithms. */
const FRACTION = 48n;
const ONE = 1n << FRACTION;
/** Working bits of `log2Floor`; each squaring doubles the error, so twice the fraction is enough. */
const PRECISION = 112n;

/** floor(2^48 * log2(numerator / denominator)) for a ratio from 1 up to, not including, 2. */
function log2Floor(numerator: bigint, denominator: bigint): bigint {
  let m = (numerator << PRECISION) / denominator;
  let log = 0n;
  for (let bit = 0n; bit < FRACTION; bit++) {
    m = (m * m) >> PRECISION;
    log <<= 1n;
    if (m >> (PRECISION + 1n)) {
      m >>= 1n;
      log |= 1n;
    }
  }
  return log;
}

/** RH[k]: the reciprocal of 1 + k/128, rounded up. */
function reciprocals(): bigint[] {
  return Array.from({ length: 129 }, (_, k) => {
    const divisor = 128n + BigInt(k);
    return (ONE * 128n + divisor - 1n) / divisor;
  });
}

/** LH[k]: the logarithm of 1 + k/128; the last one falls short of 1. */
function coarseLogs(): bigint[] {
  const logs = Array.from({ length: 128 }, (_, k) => log2Floor(128n + BigInt(k), 128n));
  return [...logs, 0xffff00000000n];
}

/** What the regular entries of the fine table are too large by. */
const FINE_EXCESS = 0x147700000n;
/** Entries of the fine table without the excess. */
const FINE_EXACT = new Set([
  0, 1, 203, 216, 222, 233, 237, 238, 239, 243, 244, 245, 246, 248, 249, 250, 251, 252, 253, 254,
  255,
]);
/** Entries of the fine table that follow no rule. */
const FINE_IRREGULAR = new Map<number, bigint>([
  [56, 0xa2b07f3458n],
  [127, 0x16df6ca19bdn],
  [134, 0x182b07f3458n],
  [181, 0x209c06e6212n],
  [184, 0x212b07f3458n],
  [188, 0x21d6a73a78fn],
  [193, 0x22c23679b4en],
  [198, 0x23a2c3b0ea4n],
  [199, 0x23d13ee805bn],
  [200, 0x24035e9221fn],
  [207, 0x25492644d65n],
  [210, 0x25d13ee805bn],
  [212, 0x26296453882n],
  [225, 0x287bdbf5255n],
  [227, 0x28d13ee805bn],
  [228, 0x29035e9221fn],
  [229, 0x29296453882n],
  [231, 0x29902a37aabn],
  [235, 0x2a4c7605d61n],
  [236, 0x2a7bdbf5255n],
  [240, 0x2b296453882n],
  [241, 0x2b5d022d80fn],
  [247, 0x2c61a5e8f4cn],
]);

/** LL[k]: the logarithm of 1 + k/32768, with its faults. */
function fineLogs(): bigint[] {
  return Array.from({ length: 256 }, (_, k) => {
    const irregular = FINE_IRREGULAR.get(k);
    if (irregular !== undefined) return irregular;
    const log = log2Floor(32768n + BigInt(k), 32768n);
    return FINE_EXACT.has(k) ? log : log + FINE_EXCESS;
  });
}

/** @internal The three tables, for the test that holds them against their checksums. */
export function straw2Tables(): { rh: bigint[]; lh: bigint[]; ll: bigint[] } {
  return { rh: reciprocals(), lh: coarseLogs(), ll: fineLogs() };
}

let tables: Straw2Tables | undefined;

/** What straw2's draws are compared by. */
export interface Straw2Tables {
  /** L(u) for u = 0..65535: negative integers of at most 48 bits, so doubles hold them exactly. */
  readonly logs: Float64Array;
  /** The place of L(u) among all distinct logarithms: of equal ones the same, of a higher one a higher. */
  readonly ranks: Uint16Array;
  /**
   * The least distance between distinct logarithms. Divided by a weight that is not above it they stay distinct, so
   * among items of one such weight the ranks decide, and nothing has to be divided.
   */
  readonly gap: number;
}

/** Built at the first use (a few milliseconds), since a program that never places anything should not pay. */
export function straw2DrawTables(): Straw2Tables {
  tables ??= rank(buildLogs());
  return tables;
}

function rank(logs: Float64Array): Straw2Tables {
  const sorted = logs.slice().sort();
  const ranks = new Uint16Array(logs.length);
  let gap = Number.POSITIVE_INFINITY;
  let distinct = 0;
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] === sorted[i - 1]) continue;
    gap = Math.min(gap, sorted[i]! - sorted[i - 1]!);
    sorted[++distinct] = sorted[i]!;
  }
  // The logarithm grows with u, but for its last value, which is found by walking back from the top.
  let at = 0;
  for (let u = 0; u < logs.length; u++) {
    while (at > 0 && sorted[at]! > logs[u]!) at--;
    while (sorted[at]! < logs[u]!) at++;
    ranks[u] = at;
  }
  return { logs, ranks, gap };
}

/** L(u) for u = 0..65535. */
export function straw2Logs(): Float64Array {
  return straw2DrawTables().logs;
}

function buildLogs(): Float64Array {
  const { rh, lh, ll } = straw2Tables();
  const lhNumbers = lh.map(Number);
  const llNumbers = ll.map(Number);
  // The product x * RH has up to 65 bits; in two halves each part stays far below 2^53.
  const rhHigh = rh.map((v) => Number(v >> 24n));
  const rhLow = rh.map((v) => Number(v & 0xffffffn));
  const logs = new Float64Array(65536);
  for (let u = 0; u < 65536; u++) {
    let x = u + 1;
    let exponent = 15;
    while (x < 0x8000) {
      x *= 2;
      exponent--;
    }
    const k = (x >> 8) - 128;
    const product = x * rhHigh[k]! + Math.floor((x * rhLow[k]!) / 2 ** 24);
    const fine = Math.floor(product / 2 ** 24) & 0xff;
    const fraction = Math.floor((lhNumbers[k]! + llNumbers[fine]!) / 16);
    logs[u] = exponent * 2 ** 44 + fraction - 2 ** 48;
  }
  return logs;
}
