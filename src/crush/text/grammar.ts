import { toInt32, toWeight } from './numbers.ts';
import { Scanner } from './scanner.ts';

/**
 * The grammar of CRUSH maps as text: what each statement says, before anybody asks whether it makes sense. A choice is
 * never taken back once it fitted, so what is odd (`device` as the type of a bucket) is as odd as for Ceph. Source:
 * crush/grammar.h, release 16.2.
 */
export type Statement =
  | { kind: 'tunable'; name: string; value: number }
  | { kind: 'device'; id: number; name: string; className: string | undefined }
  | { kind: 'type'; id: number; name: string }
  | BucketStatement
  | RuleStatement
  | ChooseArgsStatement;

export interface BucketStatement {
  kind: 'bucket';
  typeName: string;
  name: string;
  /** Its own id, and those of its shadows with a class. */
  ids: { id: number; className: string | undefined }[];
  alg: string;
  hash: number;
  items: { name: string; weight: number | undefined; position: number | undefined }[];
}
export interface RuleStatement {
  kind: 'rule';
  /** Empty if it has none. */
  name: string;
  id: number;
  type: 'replicated' | 'erasure';
  minSize: number;
  maxSize: number;
  steps: StepStatement[];
}
export type StepStatement =
  | { kind: 'take'; item: string; className: string | undefined }
  | { kind: SetWord; value: number }
  | { kind: ChooseWord; mode: 'indep' | 'firstn'; count: number; typeName: string }
  | { kind: 'emit' };
export interface ChooseArgsStatement {
  kind: 'choose_args';
  key: number;
  buckets: { id: number; weightSets: number[][] | undefined; ids: number[] | undefined }[];
}

const SET_WORDS = [
  'set_choose_tries',
  'set_choose_local_tries',
  'set_choose_local_fallback_tries',
  'set_chooseleaf_tries',
  'set_chooseleaf_vary_r',
  'set_chooseleaf_stable',
] as const;
type SetWord = (typeof SET_WORDS)[number];
const CHOOSE_WORDS = ['choose', 'chooseleaf'] as const;
type ChooseWord = (typeof CHOOSE_WORDS)[number];

/**
 * Reads as many whole statements as there are, in the order that the grammar allows.
 * @returns them and where the last of them ends, which is the end of the text if all was understood
 */
export function parseStatements(text: string): { statements: Statement[]; end: number } {
  const parser = new Parser(text);
  return { statements: parser.map(), end: parser.end };
}

class Parser {
  readonly #in: Scanner;
  constructor(text: string) {
    this.#in = new Scanner(text);
  }

  get end(): number {
    return this.#in.position;
  }

  map(): Statement[] {
    const head = this.#in.many(() => this.#first(this.#tunable, this.#device, this.#type));
    const body = this.#in.many(() => this.#first(this.#bucket, this.#rule));
    return [...head, ...body, ...this.#in.many(() => this.#chooseArgs())];
  }

  #first<T>(...readers: (() => T | undefined)[]): T | undefined {
    for (const read of readers) {
      const found = this.#in.attempt(() => read.call(this));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #integer(kind: 'natural' | 'negative' | 'any'): number | undefined {
    const digits = this.#in.integer(kind);
    return digits === undefined ? undefined : toInt32(digits);
  }

  #weight(): number | undefined {
    const decimal = this.#in.real();
    return decimal === undefined ? undefined : toWeight(decimal);
  }

  #naturalAfter(word: string): number | undefined {
    return this.#in.after(word, () => this.#integer('natural'));
  }

  #nameAfter(word: string): string | undefined {
    return this.#in.after(word, () => this.#in.name());
  }

  #tunable(): Statement | undefined {
    const name = this.#nameAfter('tunable');
    const value = name === undefined ? undefined : this.#integer('natural');
    if (name === undefined || value === undefined) return undefined;
    return { kind: 'tunable', name, value };
  }

  #device(): Statement | undefined {
    const id = this.#naturalAfter('device');
    const name = id === undefined ? undefined : this.#in.name();
    if (id === undefined || name === undefined) return undefined;
    return { kind: 'device', id, name, className: this.#nameAfter('class') };
  }

  #type(): Statement | undefined {
    const id = this.#naturalAfter('type');
    const name = id === undefined ? undefined : this.#in.name();
    return id === undefined || name === undefined ? undefined : { kind: 'type', id, name };
  }

  #bucket(): Statement | undefined {
    const typeName = this.#in.name();
    const name = this.#in.name();
    if (!typeName || !name || !this.#in.word('{')) return undefined;
    const ids = this.#in.many(() => this.#bucketId());
    const alg = this.#nameAfter('alg');
    if (alg === undefined) return undefined;
    const hashes = this.#in.many(() => this.#bucketHash());
    const items = this.#in.many(() => this.#bucketItem());
    if (!this.#in.word('}')) return undefined;
    return { kind: 'bucket', typeName, name, ids, alg, hash: hashes.at(-1) ?? 0, items };
  }

  #bucketId(): BucketStatement['ids'][number] | undefined {
    const id = this.#in.after('id', () => this.#integer('negative'));
    return id === undefined ? undefined : { id, className: this.#nameAfter('class') };
  }

  #bucketHash(): number | undefined {
    return this.#in.after('hash', () => {
      const number = this.#integer('any');
      if (number !== undefined) return number;
      return this.#in.word('rjenkins1') ? 0 : undefined;
    });
  }

  #bucketItem(): BucketStatement['items'][number] | undefined {
    const name = this.#nameAfter('item');
    if (name === undefined) return undefined;
    const weight = this.#in.after('weight', () => this.#weight());
    return { name, weight, position: this.#naturalAfter('pos') };
  }

  #rule(): Statement | undefined {
    if (!this.#in.word('rule')) return undefined;
    const name = this.#in.name() ?? '';
    if (!this.#in.word('{') || !this.#in.word('id', 'ruleset')) return undefined;
    const id = this.#integer('natural');
    const type = this.#in.word('type') && this.#in.word('replicated', 'erasure');
    const minSize = this.#naturalAfter('min_size');
    const maxSize = this.#naturalAfter('max_size');
    if (id === undefined || !type || minSize === undefined || maxSize === undefined) {
      return undefined;
    }
    const steps = this.#in.many(() => this.#in.after('step', () => this.#step()));
    if (steps.length === 0 || !this.#in.word('}')) return undefined;
    return { kind: 'rule', name, id, type, minSize, maxSize, steps };
  }

  #step(): StepStatement | undefined {
    const item = this.#nameAfter('take');
    if (item !== undefined) return { kind: 'take', item, className: this.#nameAfter('class') };
    for (const kind of SET_WORDS) {
      const value = this.#naturalAfter(kind);
      if (value !== undefined) return { kind, value };
    }
    for (const kind of CHOOSE_WORDS) {
      const choose = this.#in.after(kind, () => this.#choose(kind));
      if (choose) return choose;
    }
    return this.#in.word('emit') && { kind: 'emit' };
  }

  #choose(kind: ChooseWord): StepStatement | undefined {
    const mode = this.#in.word('indep', 'firstn');
    const count = this.#integer('any');
    const typeName = this.#nameAfter('type');
    if (!mode || count === undefined || typeName === undefined) return undefined;
    return { kind, mode, count, typeName };
  }

  #chooseArgs(): Statement | undefined {
    const key = this.#naturalAfter('choose_args');
    if (key === undefined || !this.#in.word('{')) return undefined;
    const buckets = this.#in.many(() => this.#in.after('{', () => this.#chooseArg()));
    return this.#in.word('}') && { kind: 'choose_args', key, buckets };
  }

  #chooseArg(): ChooseArgsStatement['buckets'][number] | undefined {
    const id = this.#in.after('bucket_id', () => this.#integer('negative'));
    if (id === undefined) return undefined;
    const weights = () => this.#list(() => this.#weight());
    const weightSets = this.#in.after('weight_set', () => this.#list(weights));
    const ids = this.#in.after('ids', () => this.#list(() => this.#integer('any')));
    return this.#in.word('}') && { id, weightSets, ids };
  }

  /** `[ x y z ]`. */
  #list<T>(read: () => T | undefined): T[] | undefined {
    if (!this.#in.word('[')) return undefined;
    const items = this.#in.many(read);
    return this.#in.word(']') && items;
  }
}
