import { general } from '../../codec/index.ts';
import { CephError } from '../../errors/index.ts';
import { deviceLimit, makeBucket, makeSlot } from '../bucket.ts';
import { emptyCrushMap } from '../edit/build.ts';
import { classIdFor } from '../edit/classes.ts';
import { makeShadows } from '../edit/shadows.ts';
import { LEGACY_TUNABLES } from '../tunables.ts';
import type { BucketAlg, CrushMap } from '../types.ts';
import { ALG_BY_NAME, BUCKET_SLOTS_MAX, BYTE_TUNABLES, TUNABLE_WORDS } from '../words.ts';
import { placeItems } from './bucket-items.ts';
import { compileChooseArgs } from './choose-args.ts';
import { CrushTextError } from './errors.ts';
import { type BucketStatement, parseStatements, type Statement } from './grammar.ts';
import { orderBuckets } from './order.ts';
import { compileRule } from './rule.ts';
import { Source } from './source.ts';

/**
 * A map from its text, the same to the byte when encoded as `crushtool -c` makes. Tunables that the text does not name
 * are the legacy ones. Shadow buckets are made when there is a rule, with the ids that the buckets list for them. Source:
 * crush/CrushCompiler.cc, release 16.2.
 * @param fileName for the message when the text is not understood
 * @param log gets the lines of `crushtool -c -v`: what each statement was understood to say
 * @throws CrushTextError with the lines of crushtool. Where that crashes (a map of a single statement, ids of shadows that
 *   other buckets have) we compile what makes sense and refuse the rest
 */
export function compileCrushMap(
  text: string,
  fileName = '<input>',
  log: (line: string) => void = () => {},
): CrushMap {
  const source = new Source(text);
  const { statements, end } = parseStatements(source.text);
  if (end < source.text.length) throw source.parseError(fileName, end);
  orderBuckets(statements);
  const compiler = new Compiler(log);
  compiler.reserveIds(statements);
  for (const statement of statements) compiler.compile(statement);
  return compiler.finish();
}

function refuse(...lines: string[]): never {
  throw new CrushTextError(lines);
}

class Compiler {
  readonly #map: CrushMap = { ...emptyCrushMap(), tunables: { ...LEGACY_TUNABLES } };
  readonly #typeIds = new Map<string, number>();
  readonly #itemIds = new Map<string, number>();
  /** Ids of devices and buckets that are not to be given out. */
  readonly #usedIds = new Set<number>();
  readonly #bucketWeights = new Map<number, number>();
  /** The shadow ids that the buckets list. */
  readonly #shadowIds: CrushMap['classBuckets'] = new Map();
  #hasRules = false;
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Keeps ids that stand in the text from being given to buckets before them that have none. */
  reserveIds(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if (statement.kind !== 'bucket') continue;
      for (const { id } of statement.ids) this.#usedIds.add(id);
    }
  }

  compile(statement: Statement): void {
    const map = this.#map;
    switch (statement.kind) {
      case 'tunable':
        return this.#tunable(statement.name, statement.value);
      case 'device':
        return this.#device(statement.id, statement.name, statement.className);
      case 'type':
        this.#typeIds.set(statement.name, statement.id);
        map.typeNames.set(statement.id, statement.name);
        return this.#log(`type ${statement.id} '${statement.name}'`);
      case 'bucket':
        if (this.#hasRules) refuse('buckets must be defined before rules');
        return this.#bucket(statement);
      case 'rule':
        if (!this.#hasRules) this.#makeShadows();
        this.#hasRules = true;
        return compileRule(map, statement, {
          items: this.#itemIds,
          types: this.#typeIds,
          log: this.#log,
        });
      case 'choose_args':
        return compileChooseArgs(map, statement);
    }
  }

  finish(): CrushMap {
    this.#map.maxDevices = deviceLimit(this.#map);
    return this.#map;
  }

  #tunable(name: string, value: number): void {
    const key = (TUNABLE_WORDS as Record<string, keyof CrushMap['tunables']>)[name];
    if (key === undefined) refuse(`tunable ${name} not recognized`);
    const fitting = BYTE_TUNABLES.has(key) ? value & 0xff : value >>> 0;
    // This one is a flag to Ceph's setter, though it has 32 bits.
    this.#map.tunables[key] = key === 'chooseleafDescendOnce' ? Math.min(fitting, 1) : fitting;
    this.#log(`tunable ${name} ${value}`);
  }

  #device(id: number, name: string, className: string | undefined): void {
    if (this.#itemIds.has(name)) refuse(`item ${name} defined twice`);
    // Ceph takes a number that wraps to a bucket's for a device, and crashes when it comes to its class.
    if (id < 0) refuse(`device ${name} is out of range`);
    this.#map.itemNames.set(id, name);
    this.#itemIds.set(name, id);
    this.#usedIds.add(id);
    this.#log(`device ${id} '${name}'${className === undefined ? '' : ` class '${className}'`}`);
    if (className !== undefined) this.#map.classMap.set(id, classIdFor(this.#map, className));
  }

  #bucket(b: BucketStatement): void {
    const type = this.#typeIds.get(b.typeName);
    if (type === undefined) refuse(`bucket type '${b.typeName}' is not defined`);
    if (this.#itemIds.has(b.name)) refuse(`bucket or device '${b.name}' is already defined`);
    let id = 0;
    const shadowIds = new Map<number, number>();
    for (const { id: listed, className } of b.ids) {
      const ofClass = className === undefined ? '' : ` class '${className}'`;
      this.#log(`bucket ${b.name} id ${listed}${ofClass}`);
      if (className === undefined) {
        id = listed;
        continue;
      }
      const classId = classIdFor(this.#map, className);
      if (shadowIds.has(classId)) {
        refuse(`duplicate device class ${className} for bucket ${b.name}`);
      }
      shadowIds.set(classId, listed);
    }
    const alg = ALG_BY_NAME.get(b.alg);
    if (alg === undefined) refuse(`unknown bucket alg '${b.alg}'`, '');
    const known = { ids: this.#itemIds, bucketWeights: this.#bucketWeights };
    const { items, weights } = placeItems(b, alg, known);
    if (id === 0) {
      id = -1;
      while (this.#usedIds.has(id)) id--;
    }
    const head = { id, type: type & 0xffff, alg, hash: b.hash & 0xff };
    this.#add(head, items, weights);
    if (shadowIds.size > 0) this.#shadowIds.set(id, shadowIds);
    this.#map.itemNames.set(id, b.name);
    this.#itemIds.set(b.name, id);
    this.#usedIds.add(id);
    const { weight } = this.#map.buckets.get(id)!;
    this.#bucketWeights.set(id, weight);
    const weightText = general(Math.fround(weight) / 0x10000);
    this.#log(`bucket ${b.name} (${id}) ${items.length} items and weight ${weightText}`);
  }

  #add(
    head: { id: number; type: number; alg: BucketAlg; hash: number },
    items: number[],
    weights: number[],
  ): void {
    const { id } = head;
    if (this.#map.buckets.has(id)) refuse(`Duplicate bucket id ${id}`);
    if (id >= 0) refuse('add_bucket failed (22) Invalid argument');
    if (id < -BUCKET_SLOTS_MAX) refuse('add_bucket failed (12) Cannot allocate memory');
    makeSlot(this.#map, id);
    try {
      const version = this.#map.tunables.strawCalcVersion;
      this.#map.buckets.set(id, makeBucket(head, items, weights, version));
    } catch (e) {
      if (e instanceof CephError) refuse('add_bucket failed (22) Invalid argument');
      throw e;
    }
  }

  /** What cannot be made is missing, as for Ceph; a rule that takes it is then refused. */
  #makeShadows(): void {
    for (const shadowIds of this.#shadowIds.values()) {
      for (const id of shadowIds.values()) {
        if (id > 0 || id < -BUCKET_SLOTS_MAX)
          refuse('add_bucket failed (12) Cannot allocate memory');
      }
    }
    try {
      makeShadows(this.#map, this.#shadowIds, false);
    } catch (e) {
      if (!(e instanceof CephError)) throw e;
    }
  }
}
