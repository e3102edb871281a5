import { deviceLimit } from '../bucket.ts';
import { emptyCrushMap } from '../edit/build.ts';
import { LEGACY_TUNABLES } from '../tunables.ts';
import type { ChooseArg, CrushMap, CrushRule, CrushTunables } from '../types.ts';
import { BUCKET_SLOTS_MAX, BYTE_TUNABLES, RULE_SLOTS_MAX, TUNABLE_WORDS } from '../words.ts';
import { bucketFromNode } from './bucket.ts';
import { DocumentNode, type Range, S32, U8, U32 } from './node.ts';
import { stepFromNode } from './step.ts';

const DEVICES_MAX = 0x7ffffffe;
const SAFE: Range = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
const BUCKET_ID: Range = [-BUCKET_SLOTS_MAX, -1];
const RULE_ID: Range = [0, RULE_SLOTS_MAX - 1];

/**
 * A map from its document, or from what `ceph osd crush dump` prints as JSON. The shape is checked, not whether the map
 * makes sense: that is for `checkCrushMap`.
 * @throws CephError EINVAL with the place in the document, in one line
 */
export function crushMapFromDocument(doc: unknown): CrushMap {
  const root = new DocumentNode(doc, '');
  const tunables = readTunables(root.optional('tunables'));
  const typeNames = root.get('types').table('type_id', S32, (n) => n.get('name').text());
  const version = tunables.strawCalcVersion;
  const bucketNodes = root.get('buckets').table('id', BUCKET_ID, (n) => n);
  const buckets = new Map([...bucketNodes].map(([id, n]) => [id, bucketFromNode(n, id, version)]));
  const map: CrushMap = { ...emptyCrushMap(), buckets, typeNames, tunables };
  readSlots(root, map);
  readRules(root, map);
  readNames(root, map, bucketNodes);
  readClasses(root, map);
  readChooseArgs(root.optional('choose_args'), map);
  return map;
}

function readTunables(node: DocumentNode | undefined): CrushTunables {
  const tunables: CrushTunables = { ...LEGACY_TUNABLES };
  for (const [word, key] of Object.entries(TUNABLE_WORDS)) {
    const value = node?.optional(word)?.integer(BYTE_TUNABLES.has(key) ? U8 : U32);
    if (value !== undefined) tunables[key] = value;
  }
  return tunables;
}

function readSlots(root: DocumentNode, map: CrushMap): void {
  let lowest = 0;
  for (const id of map.buckets.keys()) lowest = Math.min(lowest, id);
  let slots = lowest === 0 ? 0 : 8;
  while (slots < -lowest) slots *= 2;
  map.maxBuckets = root.optional('max_buckets')?.integer([-lowest, BUCKET_SLOTS_MAX]) ?? slots;
}

function readRules(root: DocumentNode, map: CrushMap): void {
  const typeIds = new Map<string, number>();
  for (const [id, name] of [...map.typeNames].sort((a, b) => b[0] - a[0])) typeIds.set(name, id);
  const rules = root.get('rules').table('rule_id', RULE_ID, (node, id): CrushRule => {
    const name = node.optional('rule_name')?.text() ?? '';
    if (name !== '') map.ruleNames.set(id, name);
    return {
      ruleset: node.optional('ruleset')?.integer(U8) ?? id & 0xff,
      type: node.get('type').integer(U8),
      minSize: node.get('min_size').integer(U8),
      maxSize: node.get('max_size').integer(U8),
      steps: node
        .get('steps')
        .list()
        .map((step) => stepFromNode(step, typeIds)),
    };
  });
  let needed = 0;
  for (const id of rules.keys()) needed = Math.max(needed, id + 1);
  const count = root.optional('max_rules')?.integer([needed, RULE_SLOTS_MAX]) ?? needed;
  map.rules = Array.from({ length: count }, (_, id) => rules.get(id));
  const names = root.optional('rule_names');
  if (names) map.ruleNames = names.table('rule_id', S32, (n) => n.get('name').text());
}

function readNames(
  root: DocumentNode,
  map: CrushMap,
  bucketNodes: ReadonlyMap<number, DocumentNode>,
): void {
  const devices = root.get('devices').table('id', [0, DEVICES_MAX], (n) => n);
  for (const [id, node] of devices) {
    const name = node.optional('name')?.text() ?? `device${id}`;
    const isName = name !== `device${id}` || node.optional('named')?.flag();
    if (isName) map.itemNames.set(id, name);
  }
  for (const [id, node] of bucketNodes) {
    const name = node.optional('name')?.text();
    if (name !== undefined) map.itemNames.set(id, name);
  }
  const names = root.optional('item_names');
  if (names) map.itemNames = names.table('id', S32, (n) => n.get('name').text());
  let limit = deviceLimit(map);
  for (const id of devices.keys()) limit = Math.max(limit, id + 1);
  map.maxDevices = root.optional('max_devices')?.integer([limit, DEVICES_MAX + 1]) ?? limit;
}

function readClasses(root: DocumentNode, map: CrushMap): void {
  const named = root.optional('classes')?.table('class_id', S32, (n) => n.get('name').text());
  map.classNames = named ?? new Map();
  const ids = new Map([...map.classNames].sort((a, b) => b[0] - a[0]).map(([id, n]) => [n, id]));
  const idOf = (node: DocumentNode, name: string): number => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    if (named) return node.fail(`there is no class '${name}'`);
    map.classNames.set(ids.size, name);
    ids.set(name, ids.size);
    return ids.size - 1;
  };
  for (const node of root.get('devices').list()) {
    const className = node.optional('class');
    if (className) {
      map.classMap.set(node.get('id').integer(S32), idOf(className, className.text()));
    }
  }
  const byName = new Map([...map.itemNames].map(([id, name]) => [name, id]));
  for (const node of root.get('buckets').list()) {
    const [original, className] = node.optional('name')?.text().split('~') ?? [];
    const originalId = byName.get(original ?? '');
    const isShadow = className !== undefined && originalId !== undefined;
    if (!isShadow || (named && !ids.has(className))) continue;
    const id = node.get('id').integer(S32);
    const classId = idOf(node.get('name'), className);
    map.classMap.set(id, classId);
    const shadows = map.classBuckets.get(originalId) ?? new Map<number, number>();
    map.classBuckets.set(originalId, shadows.set(classId, id));
  }
  const classMap = root.optional('item_classes');
  if (classMap) map.classMap = classMap.table('id', S32, (n) => n.get('class_id').integer(S32));
  const readShadows = (node: DocumentNode) =>
    node.get('shadows').table('class_id', S32, (n) => n.get('id').integer(S32));
  const classBuckets = root.optional('class_buckets');
  if (classBuckets) map.classBuckets = classBuckets.table('id', S32, readShadows);
}

function readChooseArgs(node: DocumentNode | undefined, map: CrushMap): void {
  for (const word of Object.keys(node?.fields() ?? {})) {
    const list = node!.get(word);
    const key = new DocumentNode(word, list.path).integer(SAFE);
    const args = list.table('bucket_id', [-map.maxBuckets, -1], (arg, id): ChooseArg => {
      const sets = arg.optional('weight_set')?.list() ?? [];
      const ids = arg.optional('ids');
      const count = ids?.list().length ?? 0;
      const size = map.buckets.get(id)?.items.length ?? 0;
      if (count > 0 && count !== size) ids!.fail(`has ${count} ids for ${size} items`);
      return {
        weightSets: sets.map((set) => set.list().map(weight)),
        ids: ids?.list().map((n) => n.integer(S32)) ?? [],
      };
    });
    map.chooseArgs.set(key, args);
  }
}

/** A weight as people write it, to the nearest that 16.16 has. */
function weight(node: DocumentNode): number {
  const value = Math.round(node.number() * 0x10000);
  if (value < 0 || value > U32[1]) node.fail(`${node.number()} is no weight`);
  return value;
}
