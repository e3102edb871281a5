import { unreachable } from '../../errors/index.ts';
import {
  claimHeld,
  takeClaim,
  takeGrant,
  takeOffer,
  takeOfferOf,
  takeShared,
  trimTo,
} from './agree.ts';
import { conclude, takeAsk, takeAskOf, takeSupply, takeTold } from './follow.ts';
import { type ShardEffect, type ShardInput, type ShardState, tellPeers } from './shard.ts';
import type { MapItem, MapMessage } from './types.ts';

/** One transition of a shard's part of the map cache: changes the state in place. No I/O, clock or chance. */
export function step(s: ShardState, input: ShardInput): ShardEffect[] {
  const fx: ShardEffect[] = [];
  switch (input.kind) {
    case 'start':
      tellPeers(s, { kind: 'join', epoch: s.reached }, fx);
      break;
    case 'offer':
      takeOffer(s, input.tag, input.item, fx);
      break;
    case 'ask': {
      const { tag, from, to, patience } = input;
      takeAsk(s, { tag, from, to, patience }, fx);
      break;
    }
    case 'trim': {
      // The newest stays, for those who come late.
      const oldest = Math.min(input.oldest, s.reached);
      if (trimTo(s, oldest, fx)) tellPeers(s, { kind: 'trim', oldest }, fx);
      break;
    }
    case 'message':
      receive(s, input.from, input.message, fx);
      break;
    default:
      return unreachable(input);
  }
  conclude(s, fx);
  return fx;
}

function receive(s: ShardState, from: number, message: MapMessage, fx: ShardEffect[]): void {
  switch (message.kind) {
    case 'join':
      s.shelf.heardOf(message.epoch);
      return welcome(s, from, fx);
    case 'welcome':
      s.shelf.heardOf(message.epoch);
      trimTo(s, message.oldest, fx);
      for (const item of message.items) takeShared(s, item, from, fx);
      s.strangers.delete(from);
      if (s.mode === 'symmetric') claimHeld(s, fx);
      return;
    case 'offer':
      return takeOfferOf(s, from, message.item, fx);
    case 'claim':
      return takeClaim(s, from, message.key, fx);
    case 'grant':
      return takeGrant(s, from, message.key, fx);
    case 'shared':
      return takeShared(s, message.item, message.first, fx);
    case 'ask':
      return takeAskOf(s, from, message.ask);
    case 'told':
      return takeTold(s, from, message.ask);
    case 'behind':
      s.behind.set(from, message.epoch);
      return;
    case 'supply':
      return takeSupply(s, message.items, fx);
    case 'supplied':
      return s.shelf.heardOf(message.epoch);
    case 'trim':
      // The server passes on what one shard told it.
      if (trimTo(s, message.oldest, fx) && s.mode === 'server' && s.shard === 0) {
        tellPeers(s, message, fx);
      }
      return;
    default:
      return unreachable(message);
  }
}

/** A shard runs now: it learns what this one owns, which in server mode is all there is. */
function welcome(s: ShardState, to: number, fx: ShardEffect[]): void {
  s.peers.add(to);
  const items: MapItem[] = [];
  for (const { item, first } of s.shelf.all()) {
    if (s.mode === 'server' || first === s.shard) items.push(item);
  }
  const { oldest } = s.shelf;
  fx.push({ kind: 'send', to, message: { kind: 'welcome', items, epoch: s.reached, oldest } });
  if (s.gap.kind === 'told') {
    fx.push({ kind: 'send', to, message: { kind: 'behind', epoch: s.reached } });
  }
}
