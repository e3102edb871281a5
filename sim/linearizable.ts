import { ABSENT, applySteps, fingerprint, type ObjectState, type Step } from './object-model.ts';

/** One request of a client to one object, and what became of it. Moments are numbers that only grow. */
export interface Done {
  readonly who: string;
  readonly calledAt: number;
  /** Infinity: nobody was told what became of it. It may happen at any time, or never. */
  readonly returnedAt: number;
  /** Of a write. Undefined: everything was read. */
  readonly steps: readonly Step[] | undefined;
  /** `ok`, or an errno's name; of a read the fingerprint that it saw. */
  readonly result: string;
  /** The object's version after a write, as the OSD said. */
  readonly version: bigint | undefined;
}

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** `stuck`: what could not be placed when most of the rest was. */
  | { readonly kind: 'not linearizable'; readonly stuck: readonly Done[]; readonly state: string }
  /** There are orders enough, but none in which versions only grow. */
  | { readonly kind: 'versions out of order' }
  | { readonly kind: 'undecided' };

/** States that are looked at before it is given up. */
const STATES_MAX = 200_000;

/**
 * Looks for an order of all requests in which each gives what it gave and none is before one that had ended when it
 * began. After Wing and Gong (1993), with Lowe's memory of states seen. Versions narrow the search: writes are tried in
 * their order first.
 */
export function checkObject(history: readonly Done[]): Verdict {
  const ordered = new Search(history, true).run();
  if (ordered.kind === 'linearizable' || ordered.kind === 'undecided') return ordered;
  const free = new Search(history, false).run();
  return free.kind === 'linearizable' ? { kind: 'versions out of order' } : free;
}

class Search {
  private readonly ops: readonly Done[];
  private readonly byVersion: readonly number[];
  private readonly isDone: Uint8Array;
  private readonly seen = new Set<string>();
  private nextVersion = 0;
  private left = 0;
  private states = 0;
  private best = Number.POSITIVE_INFINITY;
  private stuck: readonly Done[] = [];
  private stuckState = '';

  constructor(history: readonly Done[], withVersions: boolean) {
    this.ops = [...history].sort((a, b) => a.calledAt - b.calledAt);
    this.isDone = new Uint8Array(this.ops.length);
    const versions: number[] = [];
    for (const [i, op] of this.ops.entries()) {
      if (op.returnedAt !== Number.POSITIVE_INFINITY) this.left++;
      if (withVersions && hasVersion(op)) versions.push(i);
    }
    const of = (i: number): bigint => this.ops[i]!.version!;
    this.byVersion = versions.sort((a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0));
  }

  run(): Verdict {
    const isFound = this.from(ABSENT, 0);
    if (isFound) return { kind: 'linearizable' };
    if (this.states > STATES_MAX) return { kind: 'undecided' };
    return { kind: 'not linearizable', stuck: this.stuck, state: this.stuckState };
  }

  /** Tries to place all that is left after `state`. @param first no operation before this one is left */
  private from(state: ObjectState, first: number): boolean {
    const placed: number[] = [];
    const print = fingerprint(state);
    const undo = (): false => {
      for (const i of placed) this.isDone[i] = 0;
      this.left += placed.length;
      return false;
    };
    // What changes nothing is placed as soon as it may be: that never closes a way.
    for (let again = true; again; ) {
      again = false;
      for (const i of this.candidates(first)) {
        const op = this.ops[i]!;
        if (op.returnedAt === Number.POSITIVE_INFINITY || !fitsUnchanged(op, state, print))
          continue;
        this.isDone[i] = 1;
        this.left--;
        placed.push(i);
        again = true;
      }
    }
    if (this.left === 0) return true;
    while (this.isDone[first]) first++;
    const key = `${this.doneSet(first)} ${print}`;
    if (this.seen.has(key)) return undo();
    this.seen.add(key);
    if (++this.states > STATES_MAX) return undo();
    const candidates = this.candidates(first);
    if (this.left < this.best) {
      this.best = this.left;
      this.stuck = candidates.map((i) => this.ops[i]!);
      this.stuckState = print;
    }
    for (const isKnown of [true, false]) {
      for (const i of candidates) {
        const op = this.ops[i]!;
        if ((op.returnedAt !== Number.POSITIVE_INFINITY) !== isKnown || !op.steps) continue;
        if (isKnown && op.result !== 'ok') continue;
        const isNumbered = isKnown && this.byVersion.length > 0 && hasVersion(op);
        if (isNumbered && this.byVersion[this.nextVersion] !== i) continue;
        const next = applySteps(state, op.steps);
        if (typeof next === 'string') continue;
        this.isDone[i] = 1;
        if (isKnown) this.left--;
        if (isNumbered) this.nextVersion++;
        if (this.from(next, first)) return true;
        this.isDone[i] = 0;
        if (isKnown) this.left++;
        if (isNumbered) this.nextVersion--;
      }
    }
    return undo();
  }

  /** Those that may come next: called before any that is left has returned. */
  private candidates(first: number): number[] {
    const out: number[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (let i = first; i < this.ops.length; i++) {
      const op = this.ops[i]!;
      if (op.calledAt > until) break;
      if (this.isDone[i]) continue;
      until = Math.min(until, op.returnedAt);
      out.push(i);
    }
    return out;
  }

  /** Which operations are placed, in few words: most of them are all before one. */
  private doneSet(first: number): string {
    let out = `${first}`;
    for (let i = first; i < this.ops.length; i++) if (this.isDone[i]) out += `,${i}`;
    return out;
  }
}

/** What these do may be nothing: then the answer has the version of the change before. */
const MAYBE_NOTHING: ReadonlySet<Step['do']> = new Set([
  'zero',
  'truncate',
  'clearOmap',
  'compareXattr',
]);

/** What may have changed nothing has no version of its own. */
function hasVersion({ version, result, steps }: Done): boolean {
  if (version === undefined || result !== 'ok') return false;
  return steps!.some((s) => !MAYBE_NOTHING.has(s.do));
}

function fitsUnchanged(op: Done, state: ObjectState, print: string): boolean {
  if (!op.steps) return op.result === print;
  return op.result !== 'ok' && applySteps(state, op.steps) === op.result;
}
