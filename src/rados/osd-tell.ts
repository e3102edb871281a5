import { CephError } from '../errors/index.ts';
import type { Connection, IncomingMessage, Messenger } from '../msgr/index.ts';
import type { Runtime } from '../runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  MCommand,
  MCommandReply,
  outgoing,
} from '../wire/index.ts';
import { type CallOptions, Pending } from './abort.ts';
import type { CommandResult } from './mon-client.ts';

interface Question {
  readonly connection: Connection;
  readonly pending: Pending<CommandResult>;
}

/** Commands to single OSDs, each on a connection of its own, as `ceph tell osd.N` sends them. */
export class OsdTell {
  private readonly runtime: Runtime;
  private readonly messenger: Messenger;
  private readonly open = new Map<number, Question>();
  private tid = 0;
  private closed = false;

  constructor(runtime: Runtime, messenger: Messenger) {
    this.runtime = runtime;
    this.messenger = messenger;
  }

  owns(connection: Connection): boolean {
    for (const q of this.open.values()) if (q.connection === connection) return true;
    return false;
  }

  /** @throws CephError ETIMEDOUT, ESHUTDOWN, ECONNRESET when the session breaks */
  async ask(
    addr: EntityAddr,
    fsid: string,
    cmd: object,
    options: CallOptions | undefined,
  ): Promise<CommandResult> {
    options?.signal?.throwIfAborted();
    if (this.closed) throw new CephError('ESHUTDOWN', 'the client was closed');
    const tid = ++this.tid;
    const connection = this.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
    const end = (): void => {
      this.open.delete(tid);
      connection.close();
    };
    const pending = new Pending<CommandResult>(this.runtime.clock, options, 'the command', end);
    this.open.set(tid, { connection, pending });
    connection.send(outgoing(MCommand, { fsid, cmd: [JSON.stringify(cmd)] }, { tid }));
    return pending.promise;
  }

  onMessage(m: IncomingMessage): void {
    const q = this.open.get(m.tid);
    if (!q || m.type !== MCommandReply.type) return;
    const { result, status } = decodeFront(MCommandReply, m);
    this.open.delete(m.tid);
    q.pending.resolve({ result, status, output: Buffer.from(m.data) });
    q.connection.close();
  }

  onReset(connection: Connection): void {
    for (const [tid, q] of this.open) {
      if (q.connection !== connection) continue;
      this.open.delete(tid);
      q.pending.reject(new CephError('ECONNRESET', 'the OSD broke the session'));
    }
  }

  close(): void {
    this.closed = true;
    for (const q of this.open.values()) {
      q.pending.reject(new CephError('ESHUTDOWN', 'the client was closed'));
    }
    this.open.clear();
  }
}
