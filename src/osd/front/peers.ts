import type { OSDMap } from '../../maps/index.ts';
import type { Connection, Messenger, OutgoingMessage } from '../../msgr/index.ts';
import { ENTITY, type EntityAddr, formatAddr } from '../../wire/index.ts';

interface Peer {
  /** The map by which the address was last checked. */
  map: OSDMap;
  readonly addr: string;
  readonly connection: Connection;
}

/** Sessions with other OSDs, by the address the newest map gives them. */
export class Peers {
  private readonly messenger: Messenger;
  private readonly map: () => OSDMap | undefined;
  private readonly peers = new Map<number, Peer>();

  constructor(messenger: Messenger, map: () => OSDMap | undefined) {
    this.messenger = messenger;
    this.map = map;
  }

  /** @returns false when the OSD is down: the message goes nowhere */
  send(osd: number, message: OutgoingMessage): boolean {
    const connection = this.connection(osd);
    connection?.send(message);
    return connection !== undefined;
  }

  /** Lets go of sessions with OSDs that the map shows down or elsewhere. */
  prune(): void {
    for (const [osd, peer] of this.peers) {
      const addr = this.addrOf(osd);
      if (addr && formatAddr(addr) === peer.addr) continue;
      peer.connection.close();
      this.peers.delete(osd);
    }
  }

  /** The OSD whose session this is; undefined for one it opened to us or that is gone. */
  osdOf(connection: Connection): number | undefined {
    for (const [osd, peer] of this.peers) if (peer.connection === connection) return osd;
    return undefined;
  }
  forget(osd: number): void {
    this.peers.delete(osd);
  }

  private addrOf(osd: number): EntityAddr | undefined {
    const map = this.map();
    return map?.isUp(osd) ? map.clusterAddrs(osd)[0] : undefined;
  }

  private connection(osd: number): Connection | undefined {
    const map = this.map();
    const known = this.peers.get(osd);
    if (known && known.map === map) return known.connection;
    const addr = this.addrOf(osd);
    if (!map || !addr) return undefined;
    const text = formatAddr(addr);
    if (known?.addr === text) {
      known.map = map;
      return known.connection;
    }
    known?.connection.close();
    const connection = this.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
    this.peers.set(osd, { map, addr: text, connection });
    return connection;
  }
}
