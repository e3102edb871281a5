import { decodeObjectInfo, INFO_ATTR, type ObjectContext } from '../ops/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import type { ClientOp } from './client-request.ts';

/** What goes on with one object on its PG's primary. */
export interface ObjectState {
  readonly key: string;
  /** As the last accepted request left it; absent until it is asked for. */
  context: ObjectContext | undefined;
  /** Writes not yet durable everywhere: nobody may see what a crash could take back. */
  writes: number;
  /** Reads that wait for the device. */
  readers: number;
  /** A write of it waits for the device. */
  isBusy: boolean;
  readonly queue: ClientOp[];
}

/** Contexts of idle objects kept for the next request, however little memory there is. */
const CONTEXTS_MIN = 16;

/** The objects of a PG that requests are for or lately were for. */
export class ObjectStates {
  private readonly host: Pick<PgHost, 'store' | 'contextsMax'>;
  private readonly state: Pick<PgState, 'c'>;
  private readonly byKey = new Map<string, ObjectState>();
  private idle: ObjectState[] = [];

  constructor(host: Pick<PgHost, 'store' | 'contextsMax'>, state: Pick<PgState, 'c'>) {
    this.host = host;
    this.state = state;
  }

  get size(): number {
    return this.byKey.size;
  }
  all(): Iterable<ObjectState> {
    return this.byKey.values();
  }
  get(key: string): ObjectState | undefined {
    return this.byKey.get(key);
  }

  of(key: string): ObjectState {
    let object = this.byKey.get(key);
    if (!object) {
      object = { key, context: undefined, writes: 0, readers: 0, isBusy: false, queue: [] };
      this.byKey.set(key, object);
    }
    return object;
  }

  contextOf(op: ClientOp, object: ObjectState): ObjectContext {
    if (!object.context) {
      const attr = this.host.store.getattr(this.state.c, op.oid, INFO_ATTR);
      object.context = { oid: op.oid, info: attr ? decodeObjectInfo(attr) : undefined };
    }
    return object.context;
  }

  /** Nobody waits for the object: a bounded number of those that nobody works on is kept. */
  rest(object: ObjectState): void {
    if (object.writes > 0 || object.readers > 0 || object.isBusy) return;
    this.idle.push(object);
    const most = Math.max(CONTEXTS_MIN, this.host.contextsMax);
    if (this.idle.length < most) return;
    for (const o of this.idle.splice(0, this.idle.length - Math.floor(most / 2))) {
      // It may stand here twice, and be another object's state of the same key by the second time.
      if (this.byKey.get(o.key) !== o) continue;
      if (o.queue.length + o.writes + o.readers === 0 && !o.isBusy) this.byKey.delete(o.key);
    }
  }

  clear(): void {
    this.byKey.clear();
    this.idle = [];
  }
}
