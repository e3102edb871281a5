import { ADDR, ENTITY, type EntityAddr } from '../wire/index.ts';
import type { MessengerOptions } from './options.ts';

/** What a messenger says of itself: it learns its global id and its address only on the way. */
export class Self {
  /** Where it listens; before that a blank address with a nonce, and its host once a peer has seen it. */
  addrs: EntityAddr[];
  /** Given by a mon; 0 before. */
  globalId: number;
  /** OSD id, mon rank, a client's global id or -1. */
  number: number;
  private readonly isClient: boolean;
  private isListening = false;

  /** @param nonce announced while not listening */
  constructor({ name, globalId = 0 }: MessengerOptions, nonce: number) {
    this.isClient = name.type === ENTITY.client;
    this.globalId = globalId;
    this.number = this.isClient && globalId > 0 ? globalId : name.num;
    this.addrs = [{ type: ADDR.any, nonce, host: '', port: 0 }];
  }

  /** A mon said who we are. */
  adoptGlobalId(globalId: number): void {
    this.globalId = globalId;
    if (this.isClient) this.number = globalId;
  }

  /** A peer said where it sees us. */
  seenAt(addr: EntityAddr): void {
    const own = this.addrs[0]!;
    if (own.host === '') this.addrs = [{ ...own, host: addr.host }];
  }

  /** One more address where it can be dialled. */
  listensAt(addr: EntityAddr): void {
    this.addrs = this.isListening ? [...this.addrs, addr] : [addr];
    this.isListening = true;
  }
}
