import { itemWeights } from '../bucket.ts';
import { classOf } from '../edit/classes.ts';
import { itemByName, keyOf } from '../lookup.ts';
import { LEGACY_TUNABLES } from '../tunables.ts';
import {
  BUCKET_ALG,
  BUCKET_ALG_NAMES,
  type ChooseArg,
  type CrushBucket,
  type CrushMap,
  type CrushRule,
  type CrushRuleStep,
  type CrushTunables,
  RULE_OP,
  RULE_TYPE,
} from '../types.ts';
import { TUNABLE_WORDS } from '../words.ts';
import { CrushTextError } from './errors.ts';
import { fixedPoint } from './numbers.ts';

/**
 * A map as text, byte for byte as `crushtool -d` prints it. Shadow buckets are left out: they come back from the ids that
 * their originals list. Source: crush/CrushCompiler.cc, release 16.2.
 * @throws CrushTextError when buckets contain each other, or a rule takes what has no name; `partial` is the text so far,
 *   which is all that Ceph prints then
 */
export function decompileCrushMap(map: CrushMap): string {
  const out: string[] = [];
  try {
    new Decompiler(map, out).run();
  } catch (e) {
    throw e instanceof CrushTextError ? new CrushTextError(e.lines, out.join('')) : e;
  }
  return out.join('');
}

const CHOOSE_WORDS: Readonly<Record<number, string>> = {
  [RULE_OP.CHOOSE_FIRSTN]: 'choose firstn',
  [RULE_OP.CHOOSE_INDEP]: 'choose indep',
  [RULE_OP.CHOOSELEAF_FIRSTN]: 'chooseleaf firstn',
  [RULE_OP.CHOOSELEAF_INDEP]: 'chooseleaf indep',
};
const SET_WORDS: Readonly<Record<number, string>> = {
  [RULE_OP.SET_CHOOSE_TRIES]: 'set_choose_tries',
  [RULE_OP.SET_CHOOSELEAF_TRIES]: 'set_chooseleaf_tries',
  [RULE_OP.SET_CHOOSE_LOCAL_TRIES]: 'set_choose_local_tries',
  [RULE_OP.SET_CHOOSE_LOCAL_FALLBACK_TRIES]: 'set_choose_local_fallback_tries',
  [RULE_OP.SET_CHOOSELEAF_VARY_R]: 'set_chooseleaf_vary_r',
  [RULE_OP.SET_CHOOSELEAF_STABLE]: 'set_chooseleaf_stable',
};
const RULE_TYPE_WORDS: Readonly<Record<number, string>> = {
  [RULE_TYPE.REPLICATED]: 'replicated',
  [RULE_TYPE.ERASURE]: 'erasure',
};
const ALG_NOTES: Readonly<Record<number, (size: number) => string>> = {
  [BUCKET_ALG.UNIFORM]: (size) => `\t# do not change bucket size (${size}) unnecessarily`,
  [BUCKET_ALG.LIST]: () => '\t# add new items at the end; do not change order unnecessarily',
  [BUCKET_ALG.TREE]: () => '\t# do not change pos for existing items unnecessarily',
};
/** Names that the text form can hold; a shadow bucket's has a tilde. */
const PLAIN_NAME = /^[A-Za-z0-9._-]+$/;

class Decompiler {
  readonly #map: CrushMap;
  readonly #out: string[];
  /** Buckets in the text already, or on the way down to where we are. */
  readonly #states = new Map<number, 'open' | 'done'>();

  constructor(map: CrushMap, out: string[]) {
    this.#map = map;
    this.#out = out;
  }

  run(): void {
    const map = this.#map;
    this.#print('# begin crush map\n');
    for (const [word, key] of Object.entries(TUNABLE_WORDS)) this.#tunable(word, key);
    this.#print('\n# devices\n');
    for (const [id, name] of sorted(map.itemNames)) {
      if (id < 0 || id >= map.maxDevices) continue;
      this.#print(`device ${id} ${name}${prefixed(' class ', classOf(map, id))}\n`);
    }
    this.#print('\n# types\n');
    if (map.typeNames.size > 0 && !map.typeNames.has(0)) this.#print('type 0 osd\n');
    for (const [id, name] of sorted(map.typeNames)) this.#print(`type ${id} ${name}\n`);
    this.#print('\n# buckets\n');
    for (const id of [...map.buckets.keys()].sort((a, b) => b - a)) this.#bucketTree(id);
    this.#print('\n# rules\n');
    map.rules.forEach((rule, id) => {
      if (rule) this.#rule(id, rule);
    });
    if (map.chooseArgs.size > 0) this.#print('\n# choose_args\n');
    for (const [key, args] of sorted(map.chooseArgs)) this.#chooseArgs(key, args);
    this.#print('\n# end crush map\n');
  }

  #print(text: string): void {
    this.#out.push(text);
  }

  #tunable(word: string, key: keyof CrushTunables): void {
    const value = this.#map.tunables[key];
    if (value === LEGACY_TUNABLES[key]) return;
    // Ceph takes all but the mask for signed.
    this.#print(`tunable ${word} ${key === 'allowedBucketAlgs' ? value : value | 0}\n`);
  }

  #typeName(type: number): string {
    return this.#map.typeNames.get(type) ?? (type === 0 ? 'device' : `type${type}`);
  }

  #itemName(id: number): string {
    return this.#map.itemNames.get(id) ?? (id < 0 ? `bucket${-1 - id}` : `device${id}`);
  }

  /** What a bucket holds goes before it, since the compiler reads only once. */
  #bucketTree(id: number): void {
    const bucket = this.#map.buckets.get(id);
    if (!bucket || this.#states.has(id)) return;
    this.#states.set(id, 'open');
    for (const item of bucket.items) {
      if (this.#states.get(item) === 'open') {
        throw new CrushTextError([
          `decompile_crush_bucket: error: while trying to output bucket ${id}, we found out that it contains one of the buckets that contain it. This is not allowed. The buckets must form a directed acyclic graph.`,
        ]);
      }
      this.#bucketTree(item);
    }
    this.#bucket(bucket);
    this.#states.set(id, 'done');
  }

  #bucket(b: CrushBucket): void {
    const map = this.#map;
    const name = this.#itemName(b.id);
    if (!PLAIN_NAME.test(name)) return;
    const keep = '\t\t# do not change unnecessarily\n';
    this.#print(`${this.#typeName(b.type)} ${name} {\n\tid ${b.id}${keep}`);
    for (const [classId, shadow] of sorted(map.classBuckets.get(b.id) ?? new Map())) {
      this.#print(`\tid ${shadow} class ${map.classNames.get(classId) ?? ''}${keep}`);
    }
    this.#print(`\t# weight ${fixedPoint(b.weight)}\n`);
    this.#print(`\talg ${BUCKET_ALG_NAMES[b.alg]}${ALG_NOTES[b.alg]?.(b.items.length) ?? ''}\n`);
    this.#print(`\thash ${b.hash}\t# ${b.hash === 0 ? 'rjenkins1' : 'unknown'}\n`);
    const hasPositions = b.alg === BUCKET_ALG.UNIFORM || b.alg === BUCKET_ALG.TREE;
    const weights = itemWeights(b);
    b.items.forEach((item, i) => {
      const position = hasPositions ? ` pos ${i}` : '';
      this.#print(`\titem ${this.#itemName(item)} weight ${fixedPoint(weights[i]!)}${position}\n`);
    });
    this.#print('}\n');
  }

  #rule(id: number, rule: CrushRule): void {
    this.#print(`rule ${this.#map.ruleNames.get(id) ?? ''} {\n\tid ${id}\n`);
    if (rule.ruleset !== id) {
      this.#print(
        `\t# WARNING: ruleset ${rule.ruleset} != id ${id}; this will not recompile to the same map\n`,
      );
    }
    this.#print(`\ttype ${RULE_TYPE_WORDS[rule.type] ?? rule.type}\n`);
    this.#print(`\tmin_size ${rule.minSize}\n\tmax_size ${rule.maxSize}\n`);
    for (const step of rule.steps) this.#step(step);
    this.#print('}\n');
  }

  #step({ op, arg1, arg2 }: CrushRuleStep): void {
    if (op === RULE_OP.NOOP) this.#print('\tstep noop\n');
    else if (op === RULE_OP.EMIT) this.#print('\tstep emit\n');
    else if (op === RULE_OP.TAKE) {
      this.#print('\tstep take ');
      this.#print(`${this.#takeWords(arg1)}\n`);
    } else {
      const choose = CHOOSE_WORDS[op];
      const set = SET_WORDS[op];
      if (choose) this.#print(`\tstep ${choose} ${arg1} type ${this.#typeName(arg2)}\n`);
      else if (set) this.#print(`\tstep ${set} ${arg1}\n`);
    }
  }

  /** An item's name; of a shadow bucket, its original's and the class. Ceph gives up without a word on other names. */
  #takeWords(id: number): string {
    const { itemNames, classNames } = this.#map;
    const name = itemNames.get(id);
    if (name === undefined) throw new CrushTextError([]);
    const tilde = name.indexOf('~');
    if (tilde < 0) return name;
    const [original, className] = [name.slice(0, tilde), name.slice(tilde + 1)];
    const isKnown = itemByName(this.#map, original) !== undefined;
    if (!isKnown || keyOf(classNames, className) === undefined) throw new CrushTextError([]);
    return `${original} class ${className}`;
  }

  #chooseArgs(key: number, args: ReadonlyMap<number, ChooseArg>): void {
    this.#print(`choose_args ${BigInt.asUintN(64, BigInt(key))} {\n`);
    for (const [bucketId, { weightSets, ids }] of sorted(args).reverse()) {
      if (weightSets.length === 0 && ids.length === 0) continue;
      this.#print(`  {\n    bucket_id ${bucketId}\n`);
      if (weightSets.length > 0) {
        this.#print('    weight_set [\n');
        for (const set of weightSets) this.#print(`      [ ${spaced(set.map(fixedPoint))}]\n`);
        this.#print('    ]\n');
      }
      if (ids.length > 0) this.#print(`    ids [ ${spaced(ids)}]\n`);
      this.#print('  }\n');
    }
    this.#print('}\n');
  }
}

function sorted<T>(byId: ReadonlyMap<number, T>): [number, T][] {
  return [...byId].sort((a, b) => a[0] - b[0]);
}

function prefixed(prefix: string, text: string | undefined): string {
  return text === undefined ? '' : prefix + text;
}

function spaced(values: readonly (string | number)[]): string {
  return values.map((value) => `${value} `).join('');
}
