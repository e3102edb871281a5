/**
 * The WebAssembly module behind {@link WasmStraw2}, written as the functions that make its bytes: the hash alone is
 * five times the same mix of nine times the same line, which a generator says once, and what is generated here needs
 * no tool, no build step and no second copy that could differ. Encoding: WebAssembly core specification 2.0, chapter 5;
 * the vector instructions by their numbers there.
 */

type Code = readonly number[];

/** Where the tables lie in the memory, and where the room for layouts begins; in bytes. */
export const RANKS_AT = 0;
export const LOGS_AT = 0x20000;
export const TABLES_END = 0xa0000;
/** Bytes per page of a memory. */
export const PAGE = 0x10000;

const I32 = 0x7f;
const V128 = 0x7b;

/** LEB128 of an unsigned number, and of a signed 32-bit one. */
function unsigned(n: number): Code {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...unsigned(n >>> 7)];
}
function signed(n: number): Code {
  return n >= -0x40 && n < 0x40 ? [n & 0x7f] : [(n & 0x7f) | 0x80, ...signed(n >> 7)];
}

const get = (local: number): Code => [0x20, local];
const set = (local: number, value: Code): Code => [...value, 0x21, local];
const i32 = (n: number): Code => [0x41, ...signed(n)];
const op = (code: number, ...operands: Code[]): Code => [...operands.flat(), code];
const simd = (code: number, ...operands: Code[]): Code => [
  ...operands.flat(),
  0xfd,
  ...unsigned(code),
];
/** A vector instruction with bytes of its own behind the number: an offset, a lane. */
const simdWith = (code: number, extra: Code, ...operands: Code[]): Code => [
  ...simd(code, ...operands),
  ...extra,
];

const add = (a: Code, b: Code): Code => op(0x6a, a, b);
const subtract = (a: Code, b: Code): Code => op(0x6b, a, b);
const and = (a: Code, b: Code): Code => op(0x71, a, b);
const or = (a: Code, b: Code): Code => op(0x72, a, b);
const lessU = (a: Code, b: Code): Code => op(0x49, a, b);
/** `a` when the condition holds, else `b`. */
const select = (a: Code, b: Code, condition: Code): Code => op(0x1b, a, b, condition);

const i32x4 = {
  splat: (a: Code): Code => simd(0x11, a),
  lane: (a: Code, lane: number): Code => simdWith(0x1b, [lane], a),
  shl: (a: Code, bits: number): Code => simd(0xab, a, i32(bits)),
  shrU: (a: Code, bits: number): Code => simd(0xad, a, i32(bits)),
  add: (a: Code, b: Code): Code => simd(0xae, a, b),
  sub: (a: Code, b: Code): Code => simd(0xb1, a, b),
  gtS: (a: Code, b: Code): Code => simd(0x3b, a, b),
  maxU: (a: Code, b: Code): Code => simd(0xb9, a, b),
};
const f64x2 = {
  lane: (a: Code, lane: number): Code => simdWith(0x21, [lane], a),
  gt: (a: Code, b: Code): Code => simd(0x4a, a, b),
  eq: (a: Code, b: Code): Code => simd(0x47, a, b),
  trunc: (a: Code): Code => simd(0x7a, a),
  mul: (a: Code, b: Code): Code => simd(0xf2, a, b),
  /** Of the first two integers. */
  fromU32: (a: Code): Code => simd(0xff, a),
  div: (a: Code, b: Code): Code => simd(0xf3, a, b),
};
const i64x2GtS = (a: Code, b: Code): Code => simd(0xd9, a, b);
const v128 = {
  /** Four numbers, made at run time only from a constant. */
  of: (...lanes: number[]): Code => [
    0xfd,
    0x0c,
    ...lanes.flatMap((n) => [0, 8, 16, 24].map((bit) => (n >>> bit) & 0xff)),
  ],
  /** The last eight bytes twice. */
  upper: (a: Code): Code =>
    simdWith(0x0d, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15], a, a),
  load: (address: Code, offset = 0): Code => simdWith(0x00, [0, ...unsigned(offset)], address),
  and: (a: Code, b: Code): Code => simd(0x4e, a, b),
  or: (a: Code, b: Code): Code => simd(0x50, a, b),
  xor: (a: Code, b: Code): Code => simd(0x51, a, b),
  /** Bits of `a` where the mask has ones, of `b` where it has zeros. */
  pick: (a: Code, b: Code, mask: Code): Code => simd(0x52, a, b, mask),
  /** 64 bits from memory in the first lane, zeros in the other. */
  load64Zero: (address: Code, offset: number): Code =>
    simdWith(0x5d, [0, ...unsigned(offset)], address),
  /** `into` with one 16-bit or 64-bit lane read from memory. */
  load16: (into: Code, lane: number, address: Code, offset: number): Code =>
    simdWith(0x55, [0, ...unsigned(offset), lane], address, into),
  load64: (into: Code, lane: number, address: Code, offset: number): Code =>
    simdWith(0x57, [0, ...unsigned(offset), lane], address, into),
};

/** The shifts of the mix in hash.ts: right, or left where negative. */
const SHIFTS = [13, -8, 13, 12, -16, 5, 3, -10, 15];

/** The mix of hash.ts on four lanes at once. */
function mix(a: number, b: number, c: number): Code {
  const turn = [a, b, c];
  return SHIFTS.flatMap((shift, i) => {
    const [p, q, r] = [turn[i % 3]!, turn[(i + 1) % 3]!, turn[(i + 2) % 3]!];
    const shifted = shift > 0 ? i32x4.shrU(get(r), shift) : i32x4.shl(get(r), -shift);
    return set(p, v128.xor(i32x4.sub(i32x4.sub(get(p), get(q)), get(r)), shifted));
  });
}

/** hashFour(ids, x, r): hash3(x, id, r) & 0xffff of the four ids at the address `ids`. The functions below call it. */
function hashFour(): Code {
  const [ids, parameterX, r] = [0, 1, 2];
  const [a, b, c, h, x, y] = [4, 5, 6, 7, 8, 9];
  const all = (n: number): Code => v128.of(n, n, n, n);
  return functionBody(6, [
    ...set(a, i32x4.splat(get(parameterX))),
    ...set(b, v128.load(get(ids))),
    ...set(c, i32x4.splat(get(r))),
    ...set(h, v128.xor(v128.xor(get(a), all(1315423911)), v128.xor(get(b), get(c)))),
    ...set(x, all(231232)),
    ...set(y, all(1232)),
    ...mix(a, b, h),
    ...mix(c, x, h),
    ...mix(y, a, h),
    ...mix(b, x, h),
    ...mix(y, c, h),
    ...v128.and(get(h), all(0xffff)),
  ]);
}
const callHashFour = (ids: number, x: number, r: number): Code => [
  ...[get(ids), get(x), get(r)].flat(),
  ...[0x10, 0],
];

/** Runs `body` until the pointer `at` has moved past `end` in steps of `bytes`; at least once. */
function forEachFour(body: Code, at: number, end: number): Code {
  return [
    ...[0x03, 0x40], // loop
    ...body,
    ...set(at, add(get(at), i32(16))),
    ...lessU(get(at), get(end)),
    ...[0x0d, 0], // br_if to the loop's begin
    0x0b,
  ];
}

/**
 * drawEven(ids, size, x, r): index of the highest draw among items of one weight. Each lane keeps its highest key, a
 * draw's rank above the complement of the item's index, so that of equal draws the first item wins.
 */
function drawEven(): Code {
  const [ids, size, x, r, end] = [0, 1, 2, 3, 4];
  const [hash, best, key, complement, last] = [5, 6, 7, 8, 9];
  const rank = (lane: number): Code =>
    set(key, v128.load16(get(key), 2 * lane + 1, i32x4.lane(get(hash), lane), RANKS_AT));
  const reduced = [0, 1, 2, 3].map((lane) => i32x4.lane(get(best), lane));
  const body = [
    ...set(end, add(get(ids), op(0x74, get(size), i32(2)))),
    ...set(complement, v128.of(0xffff, 0xfffe, 0xfffd, 0xfffc)),
    ...set(last, i32x4.splat(subtract(i32(0xffff), get(size)))),
    ...forEachFour(
      [
        ...set(hash, i32x4.shl(callHashFour(ids, x, r), 1)),
        ...set(key, get(complement)),
        ...[0, 1, 2, 3].flatMap(rank),
        // Lanes beyond the bucket have a complement that is not above `last`.
        ...set(key, v128.and(get(key), i32x4.gtS(get(complement), get(last)))),
        ...set(best, i32x4.maxU(get(best), get(key))),
        ...set(complement, i32x4.sub(get(complement), v128.of(4, 4, 4, 4))),
      ],
      ids,
      end,
    ),
    ...set(ids, reduced[0]!),
    ...reduced
      .slice(1)
      .flatMap((lane) => [
        ...set(size, lane),
        ...set(ids, select(get(size), get(ids), lessU(get(ids), get(size)))),
      ]),
    ...subtract(i32(0xffff), and(get(ids), i32(0xffff))),
  ];
  return functionBody(5, body);
}

/** Locals for the draws of two of every four items, in lanes of two doubles: items 0 and 1, then 2 and 3. */
interface Half {
  readonly draw: number;
  readonly best: number;
  readonly index: number;
  readonly winner: number;
}

/**
 * A function (ids, weights, size, x, r) that gives the index of the highest draw, of equals the first.
 * @param drawTwo makes of the hashes in a local, for the items of half 0 or 1, the draws in `half.draw`
 */
function highest(drawTwo: (half: Half, n: number, hash: number, weights: number) => Code): Code {
  const [ids, weights, size, x, r, end] = [0, 1, 2, 3, 4, 5];
  const [hash, mask] = [6, 7];
  const halves = [
    { draw: 8, best: 9, index: 10, winner: 11 },
    { draw: 12, best: 13, index: 14, winner: 15 },
  ] as const;
  const half = (h: Half, n: number): Code => [
    ...drawTwo(h, n, hash, weights),
    ...set(mask, f64x2.gt(get(h.draw), get(h.best))),
    ...set(h.best, v128.pick(get(h.draw), get(h.best), get(mask))),
    ...set(h.winner, v128.pick(get(h.index), get(h.winner), get(mask))),
    ...set(h.index, i32x4.add(get(h.index), v128.of(4, 0, 4, 0))),
  ];
  const [low, high] = halves;
  const minusInfinity = v128.of(0, 0xfff00000, 0, 0xfff00000);
  const body = [
    ...set(end, add(get(ids), op(0x74, get(size), i32(2)))),
    ...set(low.best, minusInfinity),
    ...set(high.best, minusInfinity),
    ...set(low.index, v128.of(0, 0, 1, 0)),
    ...set(high.index, v128.of(2, 0, 3, 0)),
    ...forEachFour(
      [
        ...set(hash, callHashFour(ids, x, r)),
        ...half(low, 0),
        ...half(high, 1),
        ...set(weights, add(get(weights), i32(32))),
      ],
      ids,
      end,
    ),
    // The better half of each pair of lanes, then of the two left; of equal draws the lower index.
    ...set(
      mask,
      v128.or(
        f64x2.gt(get(high.best), get(low.best)),
        v128.and(
          f64x2.eq(get(high.best), get(low.best)),
          i64x2GtS(get(low.winner), get(high.winner)),
        ),
      ),
    ),
    ...set(low.best, v128.pick(get(high.best), get(low.best), get(mask))),
    ...set(low.winner, v128.pick(get(high.winner), get(low.winner), get(mask))),
    ...select(
      i32x4.lane(get(low.winner), 2),
      i32x4.lane(get(low.winner), 0),
      or(
        op(0x64, f64x2.lane(get(low.best), 1), f64x2.lane(get(low.best), 0)),
        and(
          op(0x61, f64x2.lane(get(low.best), 1), f64x2.lane(get(low.best), 0)),
          lessU(i32x4.lane(get(low.winner), 2), i32x4.lane(get(low.winner), 0)),
        ),
      ),
    ),
  ];
  return functionBody(10, body);
}

/**
 * draw: trunc(log(u) / weight). A weight of 0 gives minus infinity, which beats nothing; such weights also follow a
 * bucket's last item up to a multiple of four.
 */
function draw(): Code {
  return highest(({ draw }, n, hash, weights) => {
    const log = (lane: number): Code => op(0x74, i32x4.lane(get(hash), 2 * n + lane), i32(3));
    return [
      ...set(draw, v128.load64Zero(log(0), LOGS_AT)),
      ...set(draw, v128.load64(get(draw), 1, log(1), LOGS_AT)),
      ...set(draw, f64x2.trunc(f64x2.div(get(draw), v128.load(get(weights), 16 * n)))),
    ];
  });
}

/** drawStraw: u * straw. The items of no length that follow the last one come too late to win. */
function drawStraw(): Code {
  return highest(({ draw }, n, hash, weights) => {
    const two = n === 0 ? get(hash) : v128.upper(get(hash));
    return set(draw, f64x2.mul(f64x2.fromU32(two), v128.load(get(weights), 16 * n)));
  });
}

/** A function with one integer of its own and so many vectors. */
function functionBody(vectors: number, code: Code): Code {
  return sized([2, 1, I32, vectors, V128, ...code, 0x0b]);
}
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
const section = (id: number, content: Code): Code => [id, ...sized(content)];
const named = (name: string, kind: number, index: number): Code => [
  ...sized(Array.from(name, (c) => c.charCodeAt(0))),
  kind,
  index,
];
/** A function of so many integers that gives one value. */
const type = (parameters: number, result: number): Code => [
  0x60,
  ...sized(new Array<number>(parameters).fill(I32)),
  ...[1, result],
];

/** @returns the module: `memory`, with pages for the tables, and the functions `drawEven`, `draw` and `drawStraw` */
export function straw2Module(): Uint8Array<ArrayBuffer> {
  const functions = [hashFour(), drawEven(), draw(), drawStraw()];
  return Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [3, ...type(3, V128), ...type(4, I32), ...type(5, I32)]),
    ...section(3, [functions.length, 0, 1, 2, 2]),
    ...section(5, [1, 0, ...unsigned(TABLES_END / PAGE)]),
    ...section(7, [
      4,
      ...named('memory', 2, 0),
      ...named('drawEven', 0, 1),
      ...named('draw', 0, 2),
      ...named('drawStraw', 0, 3),
    ]),
    ...section(10, [functions.length, ...functions.flat()]),
  );
}
