import { CephError } from '../src/errors/index.ts';
import { type Connection, createMessenger, type Messenger } from '../src/msgr/index.ts';
import type { Runtime } from '../src/runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  MCommand,
  MCommandReply,
  outgoing,
} from '../src/wire/index.ts';

interface Question {
  readonly answered: (output: unknown) => void;
  readonly failed: (e: Error) => void;
}

/** Asks a daemon itself, as `ceph tell` does: one question after another. */
export class DaemonTalk implements AsyncDisposable {
  private readonly fsid: string;
  private readonly messenger: Messenger;
  private readonly connection: Connection;
  private question: Question | undefined;

  constructor(runtime: Runtime, fsid: string, addr: EntityAddr) {
    this.fsid = fsid;
    this.messenger = createMessenger(runtime, {
      name: { type: ENTITY.client, num: -1 },
      authName: { type: ENTITY.client, id: 'admin' },
      dispatcher: {
        onMessage: (_, m) => {
          if (m.type !== MCommandReply.type) return;
          const { result, status } = decodeFront(MCommandReply, m);
          if (result < 0) this.question?.failed(new CephError(result, status));
          else this.question?.answered(JSON.parse(m.data.toString('utf8')));
        },
        onReset: () => this.question?.failed(new Error('the session is gone')),
      },
    });
    this.connection = this.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
  }

  /** @returns what it answers, parsed. @throws CephError as it answers */
  ask(prefix: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = new Promise<unknown>((answered, failed) => {
      this.question = { answered, failed };
    });
    const cmd = [JSON.stringify({ prefix, ...args })];
    this.connection.send(outgoing(MCommand, { fsid: this.fsid, cmd }));
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.messenger.shutdown();
  }
}
