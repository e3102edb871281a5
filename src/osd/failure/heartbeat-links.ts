import {
  type Connection,
  createMessenger,
  type IncomingMessage,
  type ListenPlace,
  listenWithin,
  type Messenger,
  type OutgoingMessage,
  type Policy,
  UNTHROTTLED,
} from '../../msgr/index.ts';
import type { Runtime } from '../../runtime/index.ts';
import { type AuthName, ENTITY, type EntityAddr, formatAddrVec } from '../../wire/index.ts';
import { SIDES, type Side } from './ping-book.ts';

/** A heartbeat that is lost is not sent again: the next one follows. */
const POLICY: Policy = { lossy: true, server: false, ...UNTHROTTLED };
/** More than any ping is padded to. */
const FRONT_BYTES_MAX = 1 << 20;
/** A peer that does not read gets no more pings; it is silent anyway. */
const QUEUE_BYTES_MAX = 1 << 20;

/** What the links do with what comes. */
export interface LinkEvents {
  onPing(
    from: number,
    side: Side,
    message: IncomingMessage,
    reply: (message: OutgoingMessage) => void,
  ): void;
  onFatal(error: unknown): void;
}

interface Link {
  readonly addr: string;
  readonly connection: Connection;
}

/** Sessions that carry nothing but heartbeats, on the network of clients and on that of OSDs. */
export class HeartbeatLinks {
  private readonly messengers: Record<Side, Messenger>;
  private readonly links: Record<Side, Map<number, Link>> = { front: new Map(), back: new Map() };

  constructor(runtime: Runtime, id: number, authName: AuthName, events: LinkEvents) {
    const make = (side: Side): Messenger =>
      createMessenger(runtime, {
        name: { type: ENTITY.osd, num: id },
        authName,
        policy: () => POLICY,
        bounds: { frontBytesMax: FRONT_BYTES_MAX, lossyQueueBytesMax: QUEUE_BYTES_MAX },
        dispatcher: {
          onMessage: (c, m) => {
            if (c.peer.type !== ENTITY.osd) return;
            events.onPing(c.peer.num, side, m, (reply) => c.send(reply));
          },
          onReset: (c) => this.forget(side, c),
        },
        onFatal: (e) => events.onFatal(e),
      });
    this.messengers = { front: make('front'), back: make('back') };
  }

  /** @returns where each side listens */
  async listen(at: Record<Side, ListenPlace>, nonce: number): Promise<Record<Side, EntityAddr>> {
    const [front, back] = await Promise.all(
      SIDES.map((side) => listenWithin(this.messengers[side], at[side], nonce)),
    );
    return { front: front!, back: back! };
  }

  /** Over the session there is, or a new one when there is none to this address. */
  send(osd: number, side: Side, to: readonly EntityAddr[], message: OutgoingMessage): void {
    if (to.length === 0) return;
    const addr = formatAddrVec(to);
    const links = this.links[side];
    let link = links.get(osd);
    if (link && link.addr !== addr) {
      link.connection.close();
      link = undefined;
    }
    if (!link) {
      const connection = this.messengers[side].connect({ type: ENTITY.osd, addrs: [...to] });
      link = { addr, connection };
      links.set(osd, link);
    }
    link.connection.send(message);
  }

  drop(osd: number): void {
    for (const side of SIDES) {
      this.links[side].get(osd)?.connection.close();
      this.links[side].delete(osd);
    }
  }

  async shutdown(): Promise<void> {
    await Promise.all(SIDES.map((side) => this.messengers[side].shutdown()));
  }

  private forget(side: Side, connection: Connection): void {
    for (const [osd, link] of this.links[side]) {
      if (link.connection === connection) this.links[side].delete(osd);
    }
  }
}
