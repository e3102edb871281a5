import type { Connection, Messenger, OutgoingMessage } from '../../msgr/index.ts';
import type { Clock, Logger, Timer } from '../../runtime/index.ts';
import { ENTITY, type EntityAddr, MMonSubscribe, outgoing } from '../../wire/index.ts';

const BACKOFF_MS = 50;
const BACKOFF_MAX_MS = 5000;

/** What the session does when a connection is there. */
export interface MonSessionOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostname: string;
  readonly addrs: readonly EntityAddr[];
  /** Newest map we hold. */
  epoch(): number;
  /** Connected: boot, or tell again what the old session was told. */
  onConnected(): void;
}

/** The OSD's session with a monitor: subscriptions, and a new connection whenever the old one breaks. */
export class MonSession {
  private readonly messenger: Messenger;
  private readonly options: MonSessionOptions;
  private connection: Connection | undefined;
  private retry: Timer | undefined;
  private backoffMs = BACKOFF_MS;
  private next = 0;
  private isClosed = false;

  constructor(messenger: Messenger, options: MonSessionOptions) {
    this.messenger = messenger;
    this.options = options;
  }

  get isConnected(): boolean {
    return this.connection?.ready === true;
  }
  owns(connection: Connection): boolean {
    return connection === this.connection;
  }

  connect(): void {
    if (this.isClosed) return;
    const { addrs } = this.options;
    const addr = addrs[this.next++ % addrs.length]!;
    this.connection = this.messenger.connect({ type: ENTITY.mon, addrs: [addr] });
    this.subscribe();
    // A dial that never gets anywhere must not hold us for ever.
    this.retry?.cancel();
    this.retry = this.options.clock.setTimer(BACKOFF_MAX_MS, () => {
      if (!this.isConnected) this.again();
    });
  }

  onReady(): void {
    this.backoffMs = BACKOFF_MS;
    this.options.onConnected();
  }

  onReset(): void {
    this.connection = undefined;
    if (this.isClosed) return;
    this.options.log('info', 'monitor session lost', { retryMs: this.backoffMs });
    this.retry?.cancel();
    this.retry = this.options.clock.setTimer(this.backoffMs, () => this.connect());
    this.backoffMs = Math.min(BACKOFF_MAX_MS, 2 * this.backoffMs);
  }

  /** Asks for maps after the newest we hold, for as long as the session lasts. */
  subscribe(): void {
    const what = new Map([
      ['osdmap', { start: BigInt(this.options.epoch() + 1), flags: 0 }],
      ['config', { start: 0n, flags: 0 }],
    ]);
    this.send(outgoing(MMonSubscribe, { what, hostname: this.options.hostname }));
  }

  /** Dropped while there is no session: whoever sends says it again when there is one. */
  send(message: OutgoingMessage): void {
    this.connection?.send(message);
  }

  close(): void {
    this.isClosed = true;
    this.retry?.cancel();
    this.connection?.close();
  }

  /** Begins again with the next monitor: nothing good comes of this session. */
  again(): void {
    this.connection?.close();
    this.onReset();
  }
}
