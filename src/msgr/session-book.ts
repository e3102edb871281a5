import type { EntityAddr } from '../wire/index.ts';
import type { PeerConnection } from './connection.ts';
import { addrKey } from './establish.ts';

/** The sessions of a messenger, and those of them that a peer finds again, by the address that names the peer. */
export class SessionBook {
  private readonly all = new Set<PeerConnection>();
  private readonly byPeer = new Map<string, PeerConnection>();

  /** How many a peer finds again. */
  get findable(): number {
    return this.byPeer.size;
  }

  /** @param peer where it finds the session again; undefined: with its socket the session is gone */
  add(connection: PeerConnection, peer: EntityAddr | undefined): void {
    this.all.add(connection);
    if (peer === undefined) return;
    connection.key = addrKey(peer);
    this.byPeer.set(connection.key, connection);
  }

  remove(connection: PeerConnection): void {
    this.all.delete(connection);
    const { key } = connection;
    if (key !== undefined && this.byPeer.get(key) === connection) this.byPeer.delete(key);
  }

  find(peer: EntityAddr): PeerConnection | undefined {
    return this.byPeer.get(addrKey(peer));
  }

  /** The oldest that has no socket and nothing to say. */
  resting(): PeerConnection | undefined {
    for (const connection of this.byPeer.values()) {
      if (connection.link === undefined && !connection.state.pending) return connection;
    }
    return undefined;
  }

  /** All of them, as they are now. */
  list(): PeerConnection[] {
    return [...this.all];
  }
}
