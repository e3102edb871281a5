import { CephError } from '../../errors/index.ts';
import { crushDump } from '../dump.ts';
import type { ChooseArg, CrushBucket, CrushMap, CrushRuleStep } from '../types.ts';
import { bucketFromNode } from './bucket.ts';
import { crushMapFromDocument } from './import.ts';
import { DocumentNode } from './node.ts';
import { stepFromNode } from './step.ts';
import type { BucketDocument, ChooseArgDocument, CrushDocument, StepDocument } from './types.ts';

/** More device ids than this are not listed one by one. */
const DEVICES_MAX = 1 << 16;

/**
 * A map as plain values for JSON or XML, with nothing lost: `crushMapFromDocument` gives a map of the same bytes. It is what
 * `ceph osd crush dump` prints, with what would not follow from that beside it.
 */
export function crushMapToDocument(map: CrushMap): CrushDocument {
  const dump = crushDump({ ...map, maxDevices: Math.min(map.maxDevices, DEVICES_MAX) });
  const typeIds = new Map(
    sorted(map.typeNames)
      .reverse()
      .map(([id, name]) => [name, id]),
  );
  const doc: CrushDocument = {
    ...dump,
    devices: dump.devices.map((device) => {
      const isNamed = map.itemNames.get(device.id) === `device${device.id}`;
      return isNamed ? { ...device, named: true } : device;
    }),
    buckets: dump.buckets.map((entry) => bucketDocument(map, map.buckets.get(entry.id)!, entry)),
    rules: dump.rules.map((entry) => {
      const { steps } = map.rules[entry.rule_id]!;
      return { ...entry, steps: steps.map((s, i) => stepDocument(s, entry.steps[i]!, typeIds)) };
    }),
    choose_args: Object.fromEntries(
      sorted(map.chooseArgs).map(([key, args]) => [String(key), chooseArgsDocument(args)]),
    ),
  };
  if (map.classNames.size > 0) {
    doc.classes = sorted(map.classNames).map(([class_id, name]) => ({ class_id, name }));
  }
  addWhatDoesNotFollow(doc, map);
  return doc;
}

function addWhatDoesNotFollow(doc: CrushDocument, map: CrushMap): void {
  const derived = crushMapFromDocument(doc);
  if (derived.maxBuckets !== map.maxBuckets) doc.max_buckets = map.maxBuckets;
  if (derived.maxDevices !== map.maxDevices) doc.max_devices = map.maxDevices;
  if (derived.rules.length !== map.rules.length) doc.max_rules = map.rules.length;
  if (!same(derived.itemNames, map.itemNames)) {
    doc.item_names = sorted(map.itemNames).map(([id, name]) => ({ id, name }));
  }
  if (!same(derived.ruleNames, map.ruleNames)) {
    doc.rule_names = sorted(map.ruleNames).map(([rule_id, name]) => ({ rule_id, name }));
  }
  if (!same(derived.classMap, map.classMap)) {
    doc.item_classes = sorted(map.classMap).map(([id, class_id]) => ({ id, class_id }));
  }
  if (!same(derived.classBuckets, map.classBuckets)) {
    doc.class_buckets = sorted(map.classBuckets).map(([id, shadows]) => ({
      id,
      shadows: sorted(shadows).map(([class_id, shadow]) => ({ class_id, id: shadow })),
    }));
  }
}

function bucketDocument(map: CrushMap, bucket: CrushBucket, entry: BucketDocument): BucketDocument {
  const doc: BucketDocument = bucket.hash === 0 ? entry : { ...entry, hash_id: bucket.hash };
  const derived = unlessRefused(() =>
    bucketFromNode(new DocumentNode(doc, ''), bucket.id, map.tunables.strawCalcVersion),
  );
  if (derived && JSON.stringify(stateOf(derived)) === JSON.stringify(stateOf(bucket))) return doc;
  return { ...doc, ...stateOf(bucket) };
}

/** What a bucket keeps beside its items' weights. */
function stateOf(b: CrushBucket): Partial<BucketDocument> {
  if ('sums' in b) return { sums: b.sums };
  if ('nodeWeights' in b) return { node_weights: b.nodeWeights };
  if ('straws' in b) return { straws: b.straws };
  return 'itemWeight' in b ? { item_weight: b.itemWeight } : {};
}

function stepDocument(
  { op, arg1, arg2 }: CrushRuleStep,
  entry: StepDocument,
  typeIds: ReadonlyMap<string, number>,
): StepDocument {
  const derived = unlessRefused(() => stepFromNode(new DocumentNode(entry, ''), typeIds));
  const isWhole = derived?.op === op && derived.arg1 === arg1 && derived.arg2 === arg2;
  return isWhole ? entry : { ...entry, arg1, arg2 };
}

/** Unlike in the dump, weights are not rounded to single precision. */
function chooseArgsDocument(args: ReadonlyMap<number, ChooseArg>): ChooseArgDocument[] {
  return sorted(args)
    .reverse()
    .filter(([, { weightSets, ids }]) => weightSets.length > 0 || ids.length > 0)
    .map(([bucket_id, { weightSets, ids }]) => ({
      bucket_id,
      ...(weightSets.length > 0 && {
        weight_set: weightSets.map((s) => s.map((w) => w / 0x10000)),
      }),
      ...(ids.length > 0 && { ids: [...ids] }),
    }));
}

function sorted<T>(byId: ReadonlyMap<number, T>): [number, T][] {
  return [...byId].sort((a, b) => a[0] - b[0]);
}

type Table = ReadonlyMap<number, string | number | ReadonlyMap<number, number>>;

function same(a: Table, b: Table): boolean {
  return (
    a.size === b.size &&
    [...a].every(([key, value]) => {
      const other = b.get(key);
      return value instanceof Map && other instanceof Map ? same(value, other) : value === other;
    })
  );
}

function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (e) {
    if (e instanceof CephError) return undefined;
    throw e;
  }
}
