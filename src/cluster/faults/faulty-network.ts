import type {
  Listener,
  Network,
  Socket,
  SocketAddress,
  SocketEvents,
  Timer,
} from '../../runtime/index.ts';
import type { FaultTarget } from './faults.ts';
import type { Linked, Links } from './links.ts';

/** The network as one daemon has it, with what {@link Links} puts in its way. */
export class FaultyNetwork implements Network {
  private readonly inner: Network;
  private readonly links: Links;
  private readonly who: FaultTarget;
  private readonly sockets = new Set<FaultySocket>();
  private readonly listeners = new Set<Listener>();
  private dead = false;

  constructor(inner: Network, links: Links, who: FaultTarget) {
    this.inner = inner;
    this.links = links;
    this.who = who;
  }

  async listen(
    address: SocketAddress,
    accept: (socket: Socket) => SocketEvents,
  ): Promise<Listener> {
    const listener = await this.inner.listen(address, (socket) => this.take(socket, accept));
    const { port } = listener.address;
    this.links.own(port, this.who);
    this.listeners.add(listener);
    return {
      address: listener.address,
      close: async () => {
        this.listeners.delete(listener);
        this.links.disown(port);
        await listener.close();
      },
    };
  }

  async connect(address: SocketAddress, accept: (socket: Socket) => SocketEvents): Promise<Socket> {
    await this.links.open(this.who, this.links.ownerOf(address.port));
    await this.alive();
    let taken: FaultySocket | undefined;
    await this.inner.connect(address, (socket) => {
      this.links.own(socket.local.port, this.who);
      return this.take(socket, (s) => {
        taken = s;
        return accept(s);
      });
    });
    return taken!;
  }

  /** The process is gone: its connections end, nobody listens any more, and it hears of nothing. */
  async kill(): Promise<void> {
    this.dead = true;
    for (const socket of [...this.sockets]) socket.end();
    for (const listener of this.listeners) {
      this.links.disown(listener.address.port);
      await listener.close();
    }
  }

  private take(inner: Socket, accept: (socket: FaultySocket) => SocketEvents): SocketEvents {
    const socket = new FaultySocket(inner, this.links, this.who, () => {
      this.sockets.delete(socket);
      this.links.remove(socket);
      // A port that is listened on is the daemon's as long as it listens.
      if (!this.isListening(inner.local.port)) this.links.disown(inner.local.port);
    });
    this.sockets.add(socket);
    this.links.add(socket);
    if (this.dead) inner.destroy();
    return socket.listen(accept(socket));
  }

  private isListening(port: number): boolean {
    for (const l of this.listeners) if (l.address.port === port) return true;
    return false;
  }

  /** A dead process waits for ever. */
  private alive(): Promise<void> {
    return this.dead ? new Promise(() => {}) : Promise.resolve();
  }
}

/** What was written and has to wait. */
interface Held {
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
  readonly taken: (() => void) | undefined;
  readonly dueMs: number;
}

/** A connection whose bytes obstacles hold up on their way out. */
class FaultySocket implements Socket, Linked {
  readonly from: FaultTarget;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  private readonly inner: Socket;
  private readonly links: Links;
  private readonly closed: () => void;
  private held: Held[] = [];
  private heldBytes = 0;
  private timer: Timer | undefined;
  /** Known at the first write: by then the peer has told who it is. */
  private peer: FaultTarget | undefined;
  private isDeaf = false;

  constructor(inner: Socket, links: Links, from: FaultTarget, closed: () => void) {
    this.inner = inner;
    this.links = links;
    this.from = from;
    this.local = inner.local;
    this.remote = inner.remote;
    this.closed = closed;
  }

  to(): FaultTarget {
    this.peer ??= this.links.ownerOf(this.remote.port);
    return this.peer;
  }

  listen(events: SocketEvents): SocketEvents {
    return {
      onData: (chunk) => {
        if (!this.isDeaf) events.onData(chunk);
      },
      ...(events.room ? { room: () => (this.isDeaf ? undefined : events.room?.()) } : {}),
      onDrain: () => {
        if (this.held.length === 0 && !this.isDeaf) events.onDrain();
      },
      onClose: (error) => {
        this.drop();
        this.closed();
        if (!this.isDeaf) events.onClose(error);
      },
    };
  }

  write(buffers: readonly Uint8Array[], taken?: () => void): void {
    const to = this.to();
    const delayMs = this.links.delayMs(this.from, to);
    if (this.held.length === 0 && delayMs === 0 && !this.links.isCut(this.from, to)) {
      this.inner.write(buffers, taken);
      return;
    }
    let bytes = 0;
    for (const b of buffers) bytes += b.length;
    this.heldBytes += bytes;
    this.held.push({ buffers, bytes, taken, dueMs: this.links.clock.monotonicMs() + delayMs });
    this.arm();
  }

  get queuedBytes(): number {
    return this.inner.queuedBytes + this.heldBytes;
  }

  retry(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const now = this.links.clock.monotonicMs();
    const isFast = this.links.delayMs(this.from, this.to()) === 0;
    while (this.held.length > 0 && !this.links.isCut(this.from, this.to())) {
      const next = this.held[0]!;
      if (next.dueMs > now && !isFast) break;
      this.held.shift();
      this.heldBytes -= next.bytes;
      this.inner.write(next.buffers, next.taken);
    }
    this.arm();
  }

  /** Looks again when what comes next is due; what is cut off waits for the healing. */
  private arm(): void {
    const next = this.held[0];
    if (!next || this.timer || this.links.isCut(this.from, this.to())) return;
    const { clock } = this.links;
    this.timer = clock.setTimer(next.dueMs - clock.monotonicMs(), () => this.retry());
  }

  pause(): void {
    this.inner.pause();
  }
  resume(): void {
    this.inner.resume();
  }
  destroy(): void {
    this.inner.destroy();
  }
  break(): void {
    this.inner.destroy();
  }
  /** Breaks it without a word to the owner, who is dead. */
  end(): void {
    this.isDeaf = true;
    this.inner.destroy();
  }

  private drop(): void {
    this.timer?.cancel();
    this.heldBytes = 0;
    for (const { taken } of this.held.splice(0)) taken?.();
  }
}
