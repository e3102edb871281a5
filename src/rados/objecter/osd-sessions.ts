import type { OSDMap } from '../../maps/index.ts';
import type { Connection, Messenger } from '../../msgr/index.ts';
import { ADDR, ENTITY, type EntityAddr } from '../../wire/index.ts';
import { OsdSession } from './osd-session.ts';

/** At most one session per OSD, at the address that the map gives it. */
export class OsdSessions {
  private readonly messenger: Messenger;
  private readonly byOsd = new Map<number, OsdSession>();

  constructor(messenger: Messenger) {
    this.messenger = messenger;
  }

  /**
   * The session with an OSD, made when there is none.
   * @param map the newest that {@link follow} was told of: what is there is at the right address
   * @returns undefined when the map has no address for the OSD
   */
  to(osd: number, map: OSDMap): OsdSession | undefined {
    const known = this.byOsd.get(osd);
    if (known) return known;
    const addr = addressOf(osd, map);
    if (!addr) return undefined;
    const connection = this.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
    const session = new OsdSession(osd, textOf(addr), connection);
    connection.session = session;
    this.byOsd.set(osd, session);
    return session;
  }

  /** Whose connection this is; undefined for one that ended. */
  of(connection: Connection): OsdSession | undefined {
    const session = connection.session as OsdSession | undefined;
    return session && this.byOsd.get(session.osd) === session ? session : undefined;
  }

  /** Ends those whose OSD is down or elsewhere in this map. */
  follow(map: OSDMap): void {
    for (const s of [...this.byOsd.values()]) {
      const addr = map.isUp(s.osd) ? addressOf(s.osd, map) : undefined;
      if (!addr || textOf(addr) !== s.address) this.end(s);
    }
  }

  /** The connection is gone by itself. */
  forget(session: OsdSession): void {
    this.byOsd.delete(session.osd);
    session.abandon();
  }

  close(): void {
    for (const s of [...this.byOsd.values()]) this.end(s);
  }

  private end(session: OsdSession): void {
    session.connection.close();
    this.forget(session);
  }
}

function addressOf(osd: number, map: OSDMap): EntityAddr | undefined {
  return map.addrs(osd).find((a) => a.type === ADDR.msgr2);
}

function textOf({ host, port, nonce }: EntityAddr): string {
  return `${host}:${port}/${nonce}`;
}
