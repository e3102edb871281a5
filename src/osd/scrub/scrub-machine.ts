import { unreachable } from '../../errors/index.ts';
import { compareHObject, type HObject } from '../../wire/index.ts';
import type { Scanned, ScrubbedObject, ScrubRange } from './scrub-map.ts';
import type { ScrubPlan } from './scrub-plan.ts';

/** A scrub that has all its places. */
interface Run {
  readonly plan: ScrubPlan;
  /** The other members. */
  readonly members: readonly number[];
  /** What is below it has been compared. */
  readonly cursor: HObject;
  /** How often clients' writes may break a chunk off, and may still do so with this one. */
  readonly preemptionsMax: number;
  readonly preemptions: number;
  /** Chunks are smaller by this after each time. */
  readonly divisor: number;
  /** Counts the chunks begun. */
  readonly number: number;
}

export type ScrubState =
  | { readonly name: 'idle' }
  | {
      readonly name: 'reserving';
      readonly run: Run;
      /** Members that have not answered. */
      readonly waiting: readonly number[];
      readonly hasPlace: boolean;
    }
  /** The next chunk's range is looked for. */
  | { readonly name: 'choosing'; readonly run: Run }
  /** New writes to the range wait, those before them are still on their way. */
  | { readonly name: 'holding'; readonly run: Run; readonly chunk: Chunk }
  | {
      readonly name: 'mapping';
      readonly run: Run;
      readonly chunk: Chunk;
      readonly waiting: readonly number[];
      readonly maps: ReadonlyMap<number, readonly ScrubbedObject[]>;
    }
  /** Between two chunks. */
  | { readonly name: 'resting'; readonly run: Run };

/** A stretch that is scrubbed at once. */
export interface Chunk {
  readonly range: ScrubRange;
  /** It ends with the PG. */
  readonly isLast: boolean;
}

export type ScrubInput =
  | {
      readonly kind: 'start';
      readonly plan: ScrubPlan;
      readonly members: readonly number[];
      readonly from: HObject;
      readonly preemptions: number;
    }
  /** Whether our own OSD has a place for it. */
  | { readonly kind: 'place'; readonly isGiven: boolean }
  /** Whether a member's OSD has. */
  | { readonly kind: 'answer'; readonly from: number; readonly isGiven: boolean }
  | { readonly kind: 'chosen'; readonly chunk: Chunk }
  /** All writes to the range from before are durable everywhere. */
  | { readonly kind: 'quiet' }
  | {
      readonly kind: 'map';
      readonly from: number;
      readonly number: number;
      readonly seen: Scanned;
    }
  /** A client's write waits for the range. */
  | { readonly kind: 'wanted' }
  | { readonly kind: 'rested' }
  | { readonly kind: 'stop' };

export type ScrubEffect =
  | { readonly kind: 'takePlace' }
  | { readonly kind: 'ask'; readonly to: readonly number[] }
  /** Gives all places back, asked for or given. */
  | { readonly kind: 'release'; readonly members: readonly number[] }
  | { readonly kind: 'begin'; readonly plan: ScrubPlan }
  /** Answered by `chosen`. */
  | { readonly kind: 'choose'; readonly from: HObject; readonly divisor: number }
  /** Answered by `quiet`. */
  | { readonly kind: 'hold'; readonly range: ScrubRange }
  | { readonly kind: 'letGo' }
  /** Answered by a `map` of each member and of ourselves. */
  | {
      readonly kind: 'scan';
      readonly range: ScrubRange;
      readonly number: number;
      readonly deep: boolean;
      readonly members: readonly number[];
    }
  /** All that follows from it is done before the range is let go. */
  | {
      readonly kind: 'compare';
      readonly plan: ScrubPlan;
      readonly chunk: Chunk;
      readonly maps: ReadonlyMap<number, readonly ScrubbedObject[]>;
    }
  /** Answered by `rested`. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'finish'; readonly plan: ScrubPlan }
  /** Nothing came of it: no place, or the interval ended. */
  | { readonly kind: 'broken'; readonly plan: ScrubPlan };

export const SCRUB_IDLE: ScrubState = { name: 'idle' };

/** The number under which our own map comes. */
export const SELF = -1;

interface Transition {
  readonly next: ScrubState;
  readonly effects: readonly ScrubEffect[];
}
const stay = (next: ScrubState): Transition => ({ next, effects: [] });

/**
 * One transition of a PG's scrub, as its primary runs it: a place on every member's OSD, then chunk by chunk: hold the
 * writes to it, let all members say what they have, compare, let go. Equal state and input give equal results.
 */
export function stepScrub(s: ScrubState, input: ScrubInput): Transition {
  switch (input.kind) {
    case 'start': {
      if (s.name !== 'idle') return stay(s);
      const { plan, members, from: cursor, preemptions } = input;
      const bounds = { preemptionsMax: preemptions, preemptions, divisor: 1 };
      const run = { plan, members, cursor, ...bounds, number: 0 };
      const next = { name: 'reserving', run, waiting: members, hasPlace: false } as const;
      return { next, effects: [{ kind: 'takePlace' }] };
    }
    case 'place':
      if (s.name !== 'reserving' || s.hasPlace) return stay(s);
      if (!input.isGiven) return broken(s, []);
      return reserved({ ...s, hasPlace: true }, [{ kind: 'ask', to: s.waiting }]);
    case 'answer':
      if (s.name !== 'reserving' || !s.waiting.includes(input.from)) return stay(s);
      if (!input.isGiven) return broken(s, s.run.members);
      return reserved({ ...s, waiting: without(s.waiting, input.from) }, []);
    case 'chosen': {
      if (s.name !== 'choosing') return stay(s);
      const { chunk } = input;
      const next = { name: 'holding', run: s.run, chunk } as const;
      return { next, effects: [{ kind: 'hold', range: chunk.range }] };
    }
    case 'quiet': {
      if (s.name !== 'holding') return stay(s);
      const { run, chunk } = s;
      const { members, number, plan } = run;
      const waiting = [...members, SELF];
      const scan = { kind: 'scan', range: chunk.range, number, deep: plan.deep, members } as const;
      return {
        next: { name: 'mapping', run, chunk, waiting, maps: new Map() },
        effects: [scan],
      };
    }
    case 'map':
      return onMap(s, input);
    case 'wanted':
      return onWanted(s);
    case 'rested':
      return s.name === 'resting' ? choose(s.run, []) : stay(s);
    case 'stop': {
      if (s.name === 'idle') return stay(s);
      return broken(s, s.name === 'reserving' && !s.hasPlace ? [] : s.run.members);
    }
    default:
      return unreachable(input);
  }
}

function reserved(
  s: Extract<ScrubState, { name: 'reserving' }>,
  effects: readonly ScrubEffect[],
): Transition {
  if (!s.hasPlace || s.waiting.length > 0) return { next: s, effects };
  return choose(s.run, [...effects, { kind: 'begin', plan: s.run.plan }]);
}

function choose(run: Run, effects: readonly ScrubEffect[]): Transition {
  const { cursor, divisor } = run;
  return {
    next: { name: 'choosing', run: { ...run, number: run.number + 1 } },
    effects: [...effects, { kind: 'choose', from: cursor, divisor }],
  };
}

function onMap(s: ScrubState, input: Extract<ScrubInput, { kind: 'map' }>): Transition {
  const { from, number, seen } = input;
  if (s.name !== 'mapping' || number !== s.run.number || !s.waiting.includes(from)) return stay(s);
  const maps = new Map(s.maps).set(from, seen.objects);
  const waiting = without(s.waiting, from);
  const chunk = cutTo(s.chunk, seen.to);
  if (waiting.length > 0) return stay({ ...s, chunk, waiting, maps });
  const { run } = s;
  const done: ScrubEffect[] = [{ kind: 'compare', plan: run.plan, chunk, maps }, { kind: 'letGo' }];
  if (chunk.isLast) {
    const end: ScrubEffect[] = [
      { kind: 'release', members: run.members },
      { kind: 'finish', plan: run.plan },
    ];
    return { next: SCRUB_IDLE, effects: [...done, ...end] };
  }
  const { preemptionsMax: preemptions } = run;
  const ahead = { ...run, cursor: chunk.range.to, preemptions, divisor: 1 };
  return { next: { name: 'resting', run: ahead }, effects: [...done, { kind: 'rest' }] };
}

/** A member has more there than can be looked at in one go: the chunk ends where it came to. */
function cutTo({ range, isLast }: Chunk, to: HObject): Chunk {
  if (compareHObject(to, range.to) >= 0) return { range, isLast };
  return { range: { from: range.from, to }, isLast: false };
}

/** The chunk is broken off and a smaller one taken instead, so that the write need not wait for large objects' reading. */
function onWanted(s: ScrubState): Transition {
  if (s.name !== 'mapping' || s.run.preemptions === 0) return stay(s);
  const { run } = s;
  const left = { ...run, preemptions: run.preemptions - 1, divisor: run.divisor * 2 };
  return {
    next: { name: 'resting', run: left },
    effects: [{ kind: 'letGo' }, { kind: 'rest' }],
  };
}

function broken(s: Exclude<ScrubState, { name: 'idle' }>, members: readonly number[]): Transition {
  const effects: ScrubEffect[] = [{ kind: 'release', members }];
  if (s.name === 'holding' || s.name === 'mapping') effects.unshift({ kind: 'letGo' });
  effects.push({ kind: 'broken', plan: s.run.plan });
  return { next: SCRUB_IDLE, effects };
}

function without(osds: readonly number[], osd: number): readonly number[] {
  return osds.filter((o) => o !== osd);
}
