import {
  keyText,
  type Offer,
  type ShardEffect,
  type ShardState,
  sameBytes,
  tellPeers,
} from './shard.ts';
import type { MapItem, MapKey } from './types.ts';

// Whose copy of an item is the one. Server: offers go to shard 0, and the first to arrive wins. Symmetric: who learns
// of an item claims it from all others and owns it when all have granted. Of several claims under way that of the lowest
// shard goes on, for a shard that hears of a lower one's claim gives up its own, and does not grant a higher one's. So
// no two can have all grants: one of them would have granted the other's claim before it had its own, and then given
// that up. The lowest always gets its grants. Shards do not leave: a thread that dies ends the process.

/** A new offer of this shard's own thread. */
export function takeOffer(s: ShardState, tag: number, item: MapItem, fx: ShardEffect[]): void {
  if (item.epoch < s.shelf.oldest) {
    fx.push({ kind: 'settled', tag, result: { kind: 'trimmed' } });
    return;
  }
  const held = s.shelf.find(item);
  const pending = s.offers.get(keyText(item));
  if (held) {
    settle([tag], item, held.item, false, fx);
  } else if (pending && sameBytes(pending.item.bytes, item.bytes)) {
    pending.tags.push(tag);
  } else if (pending) {
    refuse([tag], item, fx);
  } else {
    const number = ++s.lastNumber;
    const offer: Offer = { item, tags: [tag], number, claim: 'held', missing: new Set() };
    s.offers.set(keyText(item), offer);
    if (s.mode === 'symmetric') claim(s, offer, fx);
    else if (s.shard === 0) own(s, item, 0, fx);
    else fx.push({ kind: 'send', to: 0, message: { kind: 'offer', item } });
  }
}

/** An offer that reached the server. The shared copy goes to all who joined, so whoever lost learns of it as well. */
export function takeOfferOf(s: ShardState, from: number, item: MapItem, fx: ShardEffect[]): void {
  if (item.epoch >= s.shelf.oldest && !s.shelf.find(item)) own(s, item, from, fx);
}

/** Claims what is still held back, once everybody has said what there is. */
export function claimHeld(s: ShardState, fx: ShardEffect[]): void {
  for (const offer of s.offers.values()) if (offer.claim === 'held') claim(s, offer, fx);
}

function claim(s: ShardState, offer: Offer, fx: ShardEffect[]): void {
  if (s.strangers.size > 0) return;
  offer.claim = 'sent';
  for (const peer of s.peers) offer.missing.add(peer);
  if (offer.missing.size === 0) own(s, offer.item, s.shard, fx);
  else tellPeers(s, { kind: 'claim', key: keyOf(offer.item) }, fx);
}

/** Another shard's claim. */
export function takeClaim(s: ShardState, from: number, key: MapKey, fx: ShardEffect[]): void {
  const held = s.shelf.find(key);
  if (held) {
    fx.push({ kind: 'send', to: from, message: { kind: 'shared', ...held } });
    return;
  }
  const mine = s.offers.get(keyText(key));
  if (mine?.claim === 'sent') {
    if (s.shard < from) return;
    mine.claim = 'lost';
  }
  fx.push({ kind: 'send', to: from, message: { kind: 'grant', key } });
}

export function takeGrant(s: ShardState, from: number, key: MapKey, fx: ShardEffect[]): void {
  const offer = s.offers.get(keyText(key));
  if (offer?.claim !== 'sent') return;
  offer.missing.delete(from);
  if (offer.missing.size === 0) own(s, offer.item, s.shard, fx);
}

/** This shard keeps the copy from now on, and all others learn of it. */
function own(s: ShardState, item: MapItem, first: number, fx: ShardEffect[]): void {
  tellPeers(s, { kind: 'shared', item, first }, fx);
  takeShared(s, item, first, fx);
}

/** It is known whose copy is the one. */
export function takeShared(s: ShardState, item: MapItem, first: number, fx: ShardEffect[]): void {
  if (item.epoch < s.shelf.oldest || s.shelf.find(item)) return;
  const offer = s.offers.get(keyText(item));
  // Of the same memory a message brings another view; our own may have been decoded already.
  const kept = offer && first === s.shard ? offer.item : item;
  s.shelf.put({ item: kept, first });
  if (!offer) return;
  s.offers.delete(keyText(item));
  settle(offer.tags, offer.item, kept, first === s.shard, fx);
}

function settle(
  tags: readonly number[],
  offered: MapItem,
  shared: MapItem,
  isOurs: boolean,
  fx: ShardEffect[],
): void {
  if (!isOurs && !sameBytes(offered.bytes, shared.bytes)) return refuse(tags, offered, fx);
  const result = { kind: 'shared', bytes: shared.bytes, isOurs } as const;
  for (const tag of tags) fx.push({ kind: 'settled', tag, result });
}

function refuse(tags: readonly number[], item: MapItem, fx: ShardEffect[]): void {
  fx.push({ kind: 'conflict', key: keyOf(item) });
  for (const tag of tags) fx.push({ kind: 'settled', tag, result: { kind: 'differs' } });
}

/** Drops the epochs before `oldest`, and the offers of such. @returns whether that was news */
export function trimTo(s: ShardState, oldest: number, fx: ShardEffect[]): boolean {
  if (!s.shelf.trim(oldest)) return false;
  for (const [key, { item, tags }] of s.offers) {
    if (item.epoch >= oldest) continue;
    s.offers.delete(key);
    for (const tag of tags) fx.push({ kind: 'settled', tag, result: { kind: 'trimmed' } });
  }
  return true;
}

const keyOf = ({ kind, epoch }: MapKey): MapKey => ({ kind, epoch });
