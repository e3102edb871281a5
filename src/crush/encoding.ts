import {
  type Codec,
  custom,
  DEFAULT_FEATURES,
  Decoder,
  Encoder,
  map,
  s32,
  str,
  struct,
  u8,
  u16,
  u32,
} from '../codec/index.ts';
import { DecodeError } from '../errors/index.ts';
import { deviceLimit } from './bucket.ts';
import { tidyChooseArgs } from './choose-args.ts';
import { LEGACY_TUNABLES } from './tunables.ts';
import {
  BUCKET_ALG,
  type ChooseArg,
  type CrushBucket,
  type CrushMap,
  type CrushRule,
  type CrushTunables,
} from './types.ts';

/** Spec: CrushWrapper::encode and decode, crush/CrushWrapper.cc, release 16.2. */
const MAGIC = 0x00010000;
/** Every slot, used or not, takes four bytes, so a count of slots is bounded by the bytes that are left. */
const SLOT_BYTES = 4;

const bucketHead = struct('crush_bucket', {
  id: s32,
  type: u16,
  alg: u8,
  hash: u8,
  weight: u32,
  size: u32,
});
const ruleMask = struct('crush_rule_mask', { ruleset: u8, type: u8, minSize: u8, maxSize: u8 });
const ruleStep = struct('crush_rule_step', { op: u32, arg1: s32, arg2: s32 });
/** Early releases wrote the keys in 64 bits: their upper half reads as an empty name, which no other has. */
const names = map(s32, custom({ ...str, decode: (d) => d.str() || d.str() }));
const itemClasses = map(s32, s32);
const classBuckets = map(s32, map(s32, s32));

/**
 * Reads a compiled map. Bytes after the parts of release 16.2 are ignored: newer releases append theirs. As Ceph does,
 * weight sets are made to fit the buckets, and `maxDevices` is not what the bytes say but {@link deviceLimit}.
 * @throws DecodeError for malformed bytes; memory taken is proportional to the input
 */
export function decodeCrushMap(bytes: Uint8Array): CrushMap {
  try {
    return decodeMap(new Decoder(bytes));
  } catch (e) {
    throw e instanceof DecodeError ? e.within('crush_map') : e;
  }
}

function decodeMap(d: Decoder): CrushMap {
  const magic = d.u32();
  if (magic !== MAGIC) d.fail('bad magic number');
  const maxBuckets = slots(d, d.s32());
  const ruleCount = slots(d, d.u32());
  d.s32(); // max_devices, recomputed below
  const buckets = new Map<number, CrushBucket>();
  for (let index = 0; index < maxBuckets; index++) {
    const bucket = decodeBucket(d, -1 - index);
    if (bucket) buckets.set(bucket.id, bucket);
  }
  const rules: (CrushRule | undefined)[] = [];
  for (let id = 0; id < ruleCount; id++) rules.push(decodeRule(d));
  const result: CrushMap = {
    maxBuckets,
    maxDevices: 0,
    buckets,
    rules,
    typeNames: names.decode(d),
    itemNames: names.decode(d),
    ruleNames: names.decode(d),
    tunables: decodeTunables(d),
    classMap: new Map(),
    classNames: new Map(),
    classBuckets: new Map(),
    chooseArgs: new Map(),
  };
  if (d.remaining > 0) {
    result.classMap = itemClasses.decode(d);
    result.classNames = names.decode(d);
    result.classBuckets = classBuckets.decode(d);
  }
  if (d.remaining > 0) result.chooseArgs = decodeChooseArgs(d, result);
  tidyChooseArgs(result);
  result.maxDevices = deviceLimit(result);
  return result;
}

function slots(d: Decoder, count: number): number {
  if (count < 0 || count * SLOT_BYTES > d.remaining) {
    d.fail(`${count} slots with ${d.remaining} bytes left`);
  }
  return count;
}

function numbers(d: Decoder, count: number, item: Codec<number>): number[] {
  slots(d, count);
  const out: number[] = [];
  for (let i = 0; i < count; i++) out.push(item.decode(d));
  return out;
}

function decodeBucket(d: Decoder, expectedId: number): CrushBucket | undefined {
  const slotAlg = d.u32();
  if (slotAlg === 0) return undefined;
  const { size, ...head } = bucketHead.decode(d);
  if (head.id !== expectedId) d.fail(`bucket ${head.id} in the slot of ${expectedId}`);
  if (head.alg !== slotAlg) d.fail(`bucket ${head.id} has algorithms ${slotAlg} and ${head.alg}`);
  const base = { ...head, items: numbers(d, size, s32) };
  switch (head.alg) {
    case BUCKET_ALG.UNIFORM:
      return { ...base, alg: head.alg, itemWeight: d.u32() };
    case BUCKET_ALG.LIST: {
      const [itemWeights, sums] = numberPairs(d, size);
      return { ...base, alg: head.alg, itemWeights, sums };
    }
    case BUCKET_ALG.TREE: {
      const nodeWeights = numbers(d, d.u8(), u32);
      // The last item is leaf 2 * size - 1, and the walk starts in the middle of a power of two.
      const count = nodeWeights.length;
      if (size > 0 && (count < 2 * size || (count & (count - 1)) !== 0)) {
        d.fail(`tree bucket ${head.id} has ${count} nodes for ${size} items`);
      }
      return { ...base, alg: head.alg, nodeWeights };
    }
    case BUCKET_ALG.STRAW: {
      const [itemWeights, straws] = numberPairs(d, size);
      return { ...base, alg: head.alg, itemWeights, straws };
    }
    case BUCKET_ALG.STRAW2:
      return { ...base, alg: head.alg, itemWeights: numbers(d, size, u32) };
    default:
      return d.fail(`bucket ${head.id} has unknown algorithm ${head.alg}`);
  }
}

/** `count` pairs of u32, as two lists. */
function numberPairs(d: Decoder, count: number): [first: number[], second: number[]] {
  const both = numbers(d, 2 * count, u32);
  return [both.filter((_, i) => i % 2 === 0), both.filter((_, i) => i % 2 === 1)];
}

function decodeRule(d: Decoder): CrushRule | undefined {
  if (d.u32() === 0) return undefined;
  const count = slots(d, d.u32());
  const rule: CrushRule = { ...ruleMask.decode(d), steps: [] };
  for (let i = 0; i < count; i++) rule.steps.push(ruleStep.decode(d));
  return rule;
}

/** Each release appended its tunables, so a map may end after any of them. */
function decodeTunables(d: Decoder): CrushTunables {
  const t: CrushTunables = { ...LEGACY_TUNABLES };
  if (d.remaining > 0) {
    t.chooseLocalTries = d.u32();
    t.chooseLocalFallbackTries = d.u32();
    t.chooseTotalTries = d.u32();
  }
  if (d.remaining > 0) t.chooseleafDescendOnce = d.u32();
  if (d.remaining > 0) t.chooseleafVaryR = d.u8();
  if (d.remaining > 0) t.strawCalcVersion = d.u8();
  if (d.remaining > 0) t.allowedBucketAlgs = d.u32();
  if (d.remaining > 0) t.chooseleafStable = d.u8();
  return t;
}

function decodeChooseArgs(d: Decoder, { maxBuckets, buckets }: CrushMap): CrushMap['chooseArgs'] {
  const out: CrushMap['chooseArgs'] = new Map();
  let missing = 0;
  const setCount = slots(d, d.u32());
  for (let i = 0; i < setCount; i++) {
    // A pool id, which counts up from 0, or -1: a number holds it, and what it does not hold is no pool.
    const key = Number(d.s64());
    if (!Number.isSafeInteger(key)) d.fail('a pool id above 2^53');
    const args = new Map<number, ChooseArg>();
    const bucketCount = slots(d, d.u32());
    for (let b = 0; b < bucketCount; b++) {
      const index = d.u32();
      if (index >= maxBuckets) d.fail(`bucket index ${index} of ${maxBuckets}`);
      const weightSets: number[][] = [];
      const positions = slots(d, d.u32());
      const size = buckets.get(-1 - index)?.items.length ?? 0;
      for (let p = 0; p < positions; p++) {
        const weights = numbers(d, d.u32(), u32);
        weightSets.push(weights);
        // They are filled up, so a few bytes must not ask for much memory.
        missing += Math.max(0, size - weights.length);
        if (missing > d.offset) d.fail(`weight sets lack ${missing} weights`);
      }
      const ids = numbers(d, d.u32(), s32);
      // Ceph's daemons stop at this, so it must never reach them.
      if (ids.length > 0 && ids.length !== size) d.fail(`${ids.length} ids for ${size} items`);
      args.set(-1 - index, { weightSets, ids });
    }
    out.set(key, args);
  }
  return out;
}

/** Writes a compiled map with all the parts of release 16.2, which every peer since Luminous reads. */
export function encodeCrushMap(m: CrushMap): Buffer {
  const o = new Encoder(DEFAULT_FEATURES, 4096);
  o.u32(MAGIC);
  o.s32(m.maxBuckets);
  o.u32(m.rules.length);
  o.s32(m.maxDevices);
  for (let index = 0; index < m.maxBuckets; index++) {
    const bucket = m.buckets.get(-1 - index);
    o.u32(bucket?.alg ?? 0);
    if (bucket) encodeBucket(o, bucket);
  }
  for (const rule of m.rules) {
    o.u32(rule ? 1 : 0);
    if (!rule) continue;
    o.u32(rule.steps.length);
    ruleMask.encode(o, rule);
    for (const step of rule.steps) ruleStep.encode(o, step);
  }
  names.encode(o, m.typeNames);
  names.encode(o, m.itemNames);
  names.encode(o, m.ruleNames);
  encodeTunables(o, m.tunables);
  itemClasses.encode(o, m.classMap);
  names.encode(o, m.classNames);
  classBuckets.encode(o, m.classBuckets);
  encodeChooseArgs(o, m.chooseArgs);
  return o.finish();
}

function encodeBucket(o: Encoder, b: CrushBucket): void {
  const size = b.items.length;
  bucketHead.encode(o, { ...b, size });
  for (const item of b.items) o.s32(item);
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      o.u32(b.itemWeight);
      break;
    case BUCKET_ALG.LIST:
      for (let i = 0; i < size; i++) {
        o.u32(b.itemWeights[i]!);
        o.u32(b.sums[i]!);
      }
      break;
    case BUCKET_ALG.TREE:
      o.u8(b.nodeWeights.length);
      for (const w of b.nodeWeights) o.u32(w);
      break;
    case BUCKET_ALG.STRAW:
      for (let i = 0; i < size; i++) {
        o.u32(b.itemWeights[i]!);
        o.u32(b.straws[i]!);
      }
      break;
    case BUCKET_ALG.STRAW2:
      for (const w of b.itemWeights) o.u32(w);
      break;
  }
}

function encodeTunables(o: Encoder, t: CrushTunables): void {
  o.u32(t.chooseLocalTries);
  o.u32(t.chooseLocalFallbackTries);
  o.u32(t.chooseTotalTries);
  o.u32(t.chooseleafDescendOnce);
  o.u8(t.chooseleafVaryR);
  o.u8(t.strawCalcVersion);
  o.u32(t.allowedBucketAlgs);
  o.u8(t.chooseleafStable);
}

function encodeChooseArgs(o: Encoder, chooseArgs: CrushMap['chooseArgs']): void {
  o.u32(chooseArgs.size);
  for (const key of [...chooseArgs.keys()].sort((a, b) => a - b)) {
    const args = chooseArgs.get(key)!;
    o.s64(BigInt(key));
    // Ceph keeps these by bucket index, which is the id's order reversed, and leaves out those that say nothing.
    const used = [...args]
      .filter(([, a]) => a.weightSets.length > 0 || a.ids.length > 0)
      .sort((a, b) => b[0] - a[0]);
    o.u32(used.length);
    for (const [bucketId, arg] of used) {
      o.u32(-1 - bucketId);
      o.u32(arg.weightSets.length);
      for (const weights of arg.weightSets) {
        o.u32(weights.length);
        for (const w of weights) o.u32(w);
      }
      o.u32(arg.ids.length);
      for (const id of arg.ids) o.s32(id);
    }
  }
}
