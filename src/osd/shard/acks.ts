import type { OutgoingMessage } from '../../msgr/index.ts';
import { type EVersion, formatPgId, outgoing, type PgId } from '../../wire/index.ts';
import { MRepAck } from '../peer-messages.ts';

/** Everything up to `version` is durable here, or only applied, in the interval that began in `since`. */
export interface Ack {
  readonly pgid: PgId;
  readonly since: number;
  readonly version: EVersion;
  readonly isEarly: boolean;
}

/** Joins the acknowledgements that one commit of the store brings into one message for each peer. */
export class Acks {
  private readonly send: (osd: number, message: OutgoingMessage) => void;
  private readonly byPeer = new Map<number, Map<string, Ack>>();

  constructor(send: (osd: number, message: OutgoingMessage) => void) {
    this.send = send;
  }

  add(osd: number, ack: Ack): void {
    if (this.byPeer.size === 0) queueMicrotask(() => this.flush());
    let forPeer = this.byPeer.get(osd);
    if (!forPeer) {
      forPeer = new Map();
      this.byPeer.set(osd, forPeer);
    }
    // Commits of one PG come in order, so the last one speaks for those before.
    forPeer.set(formatPgId(ack.pgid) + (ack.isEarly ? '+' : ''), ack);
  }

  private flush(): void {
    const all = [...this.byPeer];
    this.byPeer.clear();
    for (const [osd, acks] of all) this.send(osd, outgoing(MRepAck, { acks: [...acks.values()] }));
  }
}
