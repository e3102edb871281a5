import { trimTo } from './agree.ts';
import { type Ask, type ShardEffect, type ShardState, tellPeers } from './shard.ts';
import type { MapItem } from './types.ts';

// Asks, and how a shard's own map follows what is known. An ask is a barrier: when all peers have said that they told
// all they have, then what has not arrived is with nobody, because a pair's messages arrive in order. A peer says so when
// the offers it had at that moment are settled, so that nothing is missed that somebody had learned of.

/** Asks by this shard's own thread. */
export function takeAsk(s: ShardState, ask: Omit<Ask, 'missing'>, fx: ShardEffect[]): void {
  begin(s, ask, fx);
}

function begin(s: ShardState, ask: Omit<Ask, 'missing'>, fx: ShardEffect[]): number {
  const number = ++s.lastNumber;
  const missing = new Set<number>();
  s.asks.set(number, { ...ask, missing });
  const isForUs = ask.tag === undefined;
  if (!isForUs && (ask.patience === 'wait' || isComplete(s, ask))) return number;
  // The server has all there is.
  if (s.mode === 'symmetric' || s.shard !== 0) {
    for (const peer of s.peers) missing.add(peer);
    tellPeers(s, { kind: 'ask', ask: number }, fx);
  }
  if (s.offers.size > 0) {
    missing.add(s.shard);
    s.debts.push({ to: s.shard, ask: number, lastOffer: number });
  }
  return number;
}

/** An ask of another shard. */
export function takeAskOf(s: ShardState, from: number, ask: number): void {
  s.debts.push({ to: from, ask, lastOffer: s.lastNumber });
}

export function takeTold(s: ShardState, from: number, ask: number): void {
  s.asks.get(ask)?.missing.delete(from);
}

/** After each step: says what can be said now, moves the map on, and answers. */
export function conclude(s: ShardState, fx: ShardEffect[]): void {
  payDebts(s, fx);
  advance(s, fx);
  supplyPeers(s, fx);
  for (const [number, ask] of s.asks) {
    const nobodyHas = ask.patience === 'now' && ask.missing.size === 0;
    if (ask.tag === undefined || !(nobodyHas || isComplete(s, ask))) continue;
    s.asks.delete(number);
    const result = { items: s.shelf.changes(ask.from, ask.to), oldest: s.shelf.oldest };
    fx.push({ kind: 'answered', tag: ask.tag, result });
  }
}

function payDebts(s: ShardState, fx: ShardEffect[]): void {
  if (s.debts.length === 0) return;
  const [oldest] = s.offers.values();
  const firstOpen = oldest?.number ?? Number.POSITIVE_INFINITY;
  const due = s.debts.filter(({ lastOffer }) => lastOffer < firstOpen);
  s.debts = s.debts.filter(({ lastOffer }) => lastOffer >= firstOpen);
  for (const { to, ask } of due) {
    if (to === s.shard) takeTold(s, to, ask);
    else fx.push({ kind: 'send', to, message: { kind: 'told', ask } });
  }
}

/** Is all of the range here that is not trimmed? */
function isComplete(s: ShardState, { from, to }: Pick<Ask, 'from' | 'to'>): boolean {
  return s.shelf.changes(from, to).length >= to + 1 - Math.max(from, s.shelf.oldest);
}

function advance(s: ShardState, fx: ShardEffect[]): void {
  for (;;) {
    const item = following(s) ?? (isGapSure(s) ? s.shelf.fullAfter(s.reached) : undefined);
    if (!item) break;
    reach(s, item, fx);
  }
  if (s.shelf.newest <= s.reached) return;
  if (isGapSure(s)) {
    endInquiry(s);
    s.gap = { kind: 'told' };
    tellPeers(s, { kind: 'behind', epoch: s.reached }, fx);
  } else if (s.gap.kind === 'none' || (s.gap.kind === 'told' && s.shelf.fullAfter(s.reached))) {
    const [from, to] = [s.reached + 1, s.reached + 1];
    s.gap = { kind: 'asking', ask: begin(s, { tag: undefined, from, to, patience: 'now' }, fx) };
    if (isGapSure(s)) advance(s, fx);
  }
}

/** What a peer sends since this shard lacks it. A full map only where nothing better has come meanwhile. */
export function takeSupply(s: ShardState, items: readonly MapItem[], fx: ShardEffect[]): void {
  for (const item of items) {
    const leads = item.kind === 'change' ? item.epoch === s.reached + 1 : item.epoch > s.reached;
    if (leads && (item.kind === 'change' || s.gap.kind === 'told')) reach(s, item, fx);
  }
  // Others have heard of it themselves, unless all speak to the server only.
  const isServer = s.mode === 'server' && s.shard === 0;
  if (isServer) tellPeers(s, { kind: 'supplied', epoch: s.reached }, fx);
}

function supplyPeers(s: ShardState, fx: ShardEffect[]): void {
  for (const [to, above] of s.behind) {
    if (s.reached <= above) continue;
    s.behind.delete(to);
    fx.push({ kind: 'supply', to, above });
  }
}

/** What leads to the epoch after the one reached. Without a map only a first one does. */
function following(s: ShardState): MapItem | undefined {
  const epoch = s.reached + 1;
  const change = s.reached > 0 || epoch === 1 ? s.shelf.find({ kind: 'change', epoch }) : undefined;
  return (change ?? s.shelf.find({ kind: 'full', epoch }))?.item;
}

/** Have all been asked for the next change, and nobody has it? */
function isGapSure(s: ShardState): boolean {
  return s.gap.kind === 'asking' && s.asks.get(s.gap.ask)?.missing.size === 0;
}

function endInquiry(s: ShardState): void {
  if (s.gap.kind === 'asking') s.asks.delete(s.gap.ask);
  s.gap = { kind: 'none' };
}

function reach(s: ShardState, item: MapItem, fx: ShardEffect[]): void {
  const follows = s.reached > 0 && item.epoch === s.reached + 1;
  s.reached = item.epoch;
  endInquiry(s);
  fx.push({ kind: 'reach', item, follows });
  // Shard 0 keeps the bound for all.
  const oldest = s.reached - s.epochsMax + 1;
  if (s.shard === 0 && trimTo(s, oldest, fx)) tellPeers(s, { kind: 'trim', oldest }, fx);
}
