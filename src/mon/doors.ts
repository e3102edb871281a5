import { CephError } from '../errors/index.ts';
import {
  type AuthDecision,
  type AuthRequest,
  type Connection,
  createMessenger,
  type IncomingMessage,
  type Messenger,
} from '../msgr/index.ts';
import type { Runtime } from '../runtime/index.ts';
import { type AuthName, ENTITY, type EntityName } from '../wire/index.ts';
import type { GlobalIds } from './global-ids.ts';
import { Session } from './session.ts';
import type { SessionInfo } from './state.ts';

interface Parts {
  readonly runtime: Runtime;
  readonly ids: GlobalIds;
  readonly onMessage: (session: Session, m: IncomingMessage) => void;
  readonly fatal: (error: unknown) => void;
}

/** The ways into the monitor and the manager's part, and who came in by them. */
export class Doors {
  readonly sessions = new Set<Session>();
  private readonly o: Parts;
  private readonly messengers: Messenger[] = [];

  constructor(parts: Parts) {
    this.o = parts;
  }

  /** One more way in; it listens when it is told to. */
  add(name: EntityName, authName: AuthName): Messenger {
    const withManager = name.type === ENTITY.mgr;
    const messenger = createMessenger(this.o.runtime, {
      name,
      authName,
      dispatcher: {
        onMessage: (c, m) => this.o.onMessage(this.sessionOf(c, withManager), m),
        onReset: (c) => this.sessions.delete(c.session as Session),
      },
      authenticate: (request) => this.authenticate(request),
      onFatal: this.o.fatal,
    });
    this.messengers.push(messenger);
    return messenger;
  }

  infos(): SessionInfo[] {
    return [...this.sessions].map(({ connection: c }) => ({
      entity: c.peer,
      addr: c.peerSocketAddr,
      globalId: c.peerGlobalId,
      features: c.features,
    }));
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    await Promise.all(this.messengers.map((m) => m.shutdown()));
  }

  private authenticate(request: AuthRequest): AuthDecision {
    if (request.globalId !== 0) return { ok: true, globalId: request.globalId };
    const globalId = this.o.ids.take();
    if (globalId !== undefined) return { ok: true, globalId };
    return { ok: false, error: new CephError('EAGAIN', 'no global id is reserved') };
  }

  private sessionOf(connection: Connection, withManager: boolean): Session {
    if (!(connection.session instanceof Session)) {
      const session = new Session(connection, withManager);
      connection.session = session;
      this.sessions.add(session);
    }
    return connection.session as Session;
  }
}
