import { unreachable } from '../../errors/index.ts';
import type { RecoveryKind } from './recovery-priority.ts';

/** What a PG has to copy in the background. */
export interface RecoveryNeed {
  readonly kind: RecoveryKind;
  readonly priority: number;
  /** The other members that are given objects, ascending. */
  readonly targets: readonly number[];
}

export type TurnState =
  | { readonly name: 'idle' }
  /** Waits for a place on our own OSD. */
  | { readonly name: 'local'; readonly need: RecoveryNeed }
  /** Has that, and waits for the last of `asked`. */
  | { readonly name: 'remote'; readonly need: RecoveryNeed; readonly asked: readonly number[] }
  | { readonly name: 'granted'; readonly need: RecoveryNeed }
  /** Somebody has no room; asks again after a while. */
  | { readonly name: 'full'; readonly need: RecoveryNeed };

export type TurnInput =
  /** What there is to copy now; undefined: nothing, or nothing may be. */
  | { readonly kind: 'need'; readonly need: RecoveryNeed | undefined }
  /** @param hasRoom our store has set aside what we are to take in */
  | { readonly kind: 'granted'; readonly hasRoom: boolean }
  | { readonly kind: 'preempted' }
  | {
      readonly kind: 'answer';
      readonly from: number;
      readonly word: 'granted' | 'full' | 'revoked';
    }
  | { readonly kind: 'retry' };

export type TurnEffect =
  | { readonly kind: 'reserve'; readonly priority: number }
  | { readonly kind: 'setPriority'; readonly priority: number }
  /** The place, and the room with it. */
  | { readonly kind: 'release' }
  | { readonly kind: 'ask'; readonly osd: number; readonly need: RecoveryNeed }
  | { readonly kind: 'releaseAt'; readonly osd: number }
  /** Input `retry` after a while; the timer ends with the state. */
  | { readonly kind: 'retryLater'; readonly of: RecoveryKind }
  | { readonly kind: 'begin' };

type Step = { next: TurnState; effects: TurnEffect[] };

/**
 * A PG's way to its turn of being recovered, at its primary: first a place on its own OSD, then one on each member that is
 * given objects, in ascending order, so that no two PGs ever wait for each other. Who has no room sends the PG away for a
 * while; who takes a place back sends it to the end of the line. Pure. Source: the states WaitLocal*Reserved,
 * WaitRemote*Reserved, Recovering, Backfilling and Not* of src/osd/PeeringState.cc, 16.2.
 */
export function stepTurn(s: TurnState, input: TurnInput): Step {
  switch (input.kind) {
    case 'need':
      return onNeed(s, input.need);
    case 'granted': {
      if (s.name !== 'local') return stay(s);
      return input.hasRoom ? askNext(s.need, []) : full(s);
    }
    case 'preempted':
      return s.name === 'remote' || s.name === 'granted' ? again(s) : stay(s);
    case 'answer':
      return onAnswer(s, input.from, input.word);
    case 'retry':
      return s.name === 'full' ? start(s.need) : stay(s);
    default:
      return unreachable(input);
  }
}

function stay(next: TurnState): Step {
  return { next, effects: [] };
}

function start(need: RecoveryNeed): Step {
  const { priority } = need;
  return { next: { name: 'local', need }, effects: [{ kind: 'reserve', priority }] };
}

/** What gives back all that a state holds. */
function leave(s: TurnState): TurnEffect[] {
  switch (s.name) {
    case 'idle':
    case 'full':
      return [];
    case 'local':
      return [{ kind: 'release' }];
    case 'remote':
    case 'granted': {
      const osds = s.name === 'remote' ? s.asked : s.need.targets;
      return [{ kind: 'release' }, ...osds.map((osd) => ({ kind: 'releaseAt', osd }) as const)];
    }
  }
}

function again(s: TurnState & { need: RecoveryNeed }): Step {
  const { next, effects } = start(s.need);
  return { next, effects: [...leave(s), ...effects] };
}

function full(s: TurnState & { need: RecoveryNeed }): Step {
  const { need } = s;
  return {
    next: { name: 'full', need },
    effects: [...leave(s), { kind: 'retryLater', of: need.kind }],
  };
}

function askNext(need: RecoveryNeed, asked: readonly number[]): Step {
  const osd = need.targets.find((o) => !asked.includes(o));
  if (osd === undefined) return { next: { name: 'granted', need }, effects: [{ kind: 'begin' }] };
  return {
    next: { name: 'remote', need, asked: [...asked, osd] },
    effects: [{ kind: 'ask', osd, need }],
  };
}

function onAnswer(s: TurnState, from: number, word: 'granted' | 'full' | 'revoked'): Step {
  const holds = s.name === 'remote' ? s.asked : s.name === 'granted' ? s.need.targets : [];
  if ((s.name !== 'remote' && s.name !== 'granted') || !holds.includes(from)) return stay(s);
  if (word === 'full') return full(s);
  if (word === 'revoked') return again(s);
  const isAwaited = s.name === 'remote' && s.asked[s.asked.length - 1] === from;
  return isAwaited ? askNext(s.need, s.asked) : stay(s);
}

function onNeed(s: TurnState, need: RecoveryNeed | undefined): Step {
  if (!need) return { next: { name: 'idle' }, effects: leave(s) };
  if (s.name === 'idle') return start(need);
  if (s.name === 'full') {
    // What was full may not be concerned any more.
    return need.kind !== s.need.kind || need.targets.join() !== s.need.targets.join()
      ? start(need)
      : stay({ ...s, need });
  }
  const effects: TurnEffect[] = [];
  const { priority } = need;
  if (priority !== s.need.priority) effects.push({ kind: 'setPriority', priority });
  if (s.name === 'local') return { next: { ...s, need }, effects };
  const isMore = need.targets.some((osd) => !s.need.targets.includes(osd));
  if (need.kind !== s.need.kind || isMore) {
    const begun = start(need);
    return { next: begun.next, effects: [...leave(s), ...begun.effects] };
  }
  const held = s.name === 'remote' ? s.asked : s.need.targets;
  const gone = held.filter((osd) => !need.targets.includes(osd));
  for (const osd of gone) effects.push({ kind: 'releaseAt', osd });
  if (s.name === 'granted') return { next: { ...s, need }, effects };
  const asked = s.asked.filter((osd) => need.targets.includes(osd));
  const awaited = s.asked[s.asked.length - 1];
  if (awaited !== undefined && asked.includes(awaited)) {
    return { next: { ...s, need, asked }, effects };
  }
  // Who was awaited needs nothing any more.
  const on = askNext(need, asked);
  return { next: on.next, effects: [...effects, ...on.effects] };
}
