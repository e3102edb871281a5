import type { Connection } from '../msgr/index.ts';
import { type AuthName, ENTITY, type EntityName } from '../wire/index.ts';
import type { Caller } from './command.ts';

/** One subscription: the first version the peer lacks. */
export interface Subscription {
  next: number;
  readonly onetime: boolean;
}

/** A peer of the monitor and what it asked to be told. */
export class Session {
  readonly connection: Connection;
  readonly subscriptions = new Map<string, Subscription>();
  /** The configuration sent last, to send only changes. */
  sentConfig: string | undefined;

  /** Whether the peer dialled the manager's part. */
  readonly withManager: boolean;

  constructor(connection: Connection, withManager: boolean) {
    this.connection = connection;
    this.withManager = withManager;
  }

  get entity(): EntityName {
    return this.connection.peer;
  }
  /** The id, when the peer is an OSD. */
  get osd(): number | undefined {
    return this.entity.type === ENTITY.osd ? this.entity.num : undefined;
  }
  /** The name that configuration and permissions go by, e.g. `osd.3`, `client.admin`. */
  get authName(): string {
    const auth = this.connection.peerAuth;
    return auth ? formatAuthName(auth) : `${typeName(this.entity.type)}.${this.entity.num}`;
  }
  get caller(): Caller {
    return {
      entity: this.entity,
      name: this.authName,
      addrs: this.connection.peerAddrs,
    };
  }

  /** After an answer up to `version`: the subscription ends or waits for the next. */
  answered(what: string, version: number): void {
    const s = this.subscriptions.get(what);
    if (!s) return;
    if (s.onetime) this.subscriptions.delete(what);
    else s.next = version + 1;
  }
}

const TYPE_NAMES = new Map<number, string>(
  Object.entries(ENTITY).map(([name, number]) => [number, name]),
);
export function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `type${type}`;
}
function formatAuthName(a: AuthName): string {
  return `${typeName(a.type)}.${a.id}`;
}
