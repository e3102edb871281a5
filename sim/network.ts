import { CephError } from '../src/errors/index.ts';
import type {
  Listener,
  Network,
  Socket,
  SocketAddress,
  SocketEvents,
} from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import type { SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import type { Timeline } from './timeline.ts';

/** How the network is when nothing is wrong with it. */
export interface NetworkOptions {
  /** Of one packet between two machines. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** How often a write arrives in pieces, 0 to 1. */
  readonly splitChance: number;
}

/** A machine that is not there says nothing: its peers try so long. */
const CONNECT_MS = 10_000;
const CONNECT_RETRY_MS = 1000;
/** What the system takes from a process while nothing gets through. */
const KERNEL_BYTES = 256 * 1024;
/** What arrives at once lies in the same memory each time, if it is not more than this. */
const SCRATCH_BYTES = 256 * 1024;
/** For the trace. */
const NOTE = { data: 1, close: 2 } as const;

type Accept = (socket: Socket) => SocketEvents;

/** One direction between two machines. */
interface Link {
  isCut: boolean;
  extraMs: number;
  /** What waits for the end of the cut. */
  held: (() => void)[];
}

/**
 * TCP between simulated machines. Bytes of a connection arrive in order, connections overtake each other. While a link is
 * cut, what is sent waits, as it does behind TCP's retransmissions: only timeouts notice. A process that ends resets its
 * connections; a machine without power says nothing until it is back.
 */
export class SimNetwork {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly options: NetworkOptions;
  private readonly listeners = new Map<string, { process: SimProcess; accept: Accept }>();
  private readonly links = new Map<string, Link>();
  private readonly sockets = new Set<SimSocket>();
  private readonly dark = new Set<string>();
  private nextPort = 40_000;
  private readonly scratch = Buffer.alloc(SCRATCH_BYTES);

  constructor(timeline: Timeline, dice: Dice, options: NetworkOptions) {
    this.timeline = timeline;
    this.dice = dice;
    this.options = options;
  }

  link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.links.get(key);
    if (!link) {
      link = { isCut: false, extraMs: 0, held: [] };
      this.links.set(key, link);
    }
    return link;
  }

  cut(from: string, to: string): void {
    this.link(from, to).isCut = true;
  }

  slow(from: string, to: string, ms: number): void {
    this.link(from, to).extraMs = ms;
  }

  /** Ends cuts and slowness, of all links or of one. */
  heal(only?: Link): void {
    for (const link of only ? [only] : this.links.values()) {
      link.isCut = false;
      link.extraMs = 0;
      const { held } = link;
      link.held = [];
      // Retransmissions come by and by, those of one connection in order.
      for (const go of held) this.timeline.after(this.dice.unit() * 200, go);
    }
  }

  /** Resets the connections between two machines. */
  break(a: string, b: string): void {
    for (const s of this.sockets) {
      const { host } = s.remote;
      if (s.process.address === a && host === b) s.breakBoth();
    }
  }

  /** @param isPowerLost its peers hear nothing of it */
  killed(process: SimProcess, isPowerLost: boolean): void {
    for (const [key, l] of this.listeners) if (l.process === process) this.listeners.delete(key);
    if (isPowerLost) this.dark.add(process.address);
    for (const s of this.sockets) if (s.process === process) s.died(isPowerLost);
  }

  /** A machine has power again; who still speaks to its former life hears that there is no such connection. */
  powered(address: string): void {
    if (!this.dark.delete(address)) return;
    for (const s of this.sockets) {
      if (!s.process.isAlive && s.process.address === address) s.refuse();
    }
  }

  /** Bytes under way, and connections: what is left when all is quiet. */
  get usage(): { connections: number; bytes: number; held: number } {
    let bytes = 0;
    let held = 0;
    for (const s of this.sockets) bytes += s.queuedBytes;
    for (const l of this.links.values()) held += l.held.length;
    return { connections: this.sockets.size / 2, bytes, held };
  }

  delay(from: string, to: string): number {
    const { delayMinMs, delayMaxMs } = this.options;
    return this.link(from, to).extraMs + delayMinMs + this.dice.unit() * (delayMaxMs - delayMinMs);
  }

  isReachable(from: string, to: string): boolean {
    return !this.link(from, to).isCut && !this.dark.has(to);
  }

  forget(socket: SimSocket): void {
    this.sockets.delete(socket);
  }

  /** The network as a process sees it. */
  of(process: SimProcess): Network {
    return {
      listen: async (address, accept): Promise<Listener> => {
        const port = address.port || this.nextPort++;
        const key = `${process.address}:${port}`;
        if (this.listeners.has(key)) throw new CephError('EADDRINUSE', key);
        const entry = { process, accept };
        this.listeners.set(key, entry);
        return {
          address: { host: process.address, port },
          close: async () => {
            if (this.listeners.get(key) === entry) this.listeners.delete(key);
          },
        };
      },
      connect: (address, accept) =>
        new Promise((resolve, reject) => {
          this.dial(process, address, accept, this.timeline.now + CONNECT_MS, resolve, reject);
        }),
    };
  }

  private dial(
    process: SimProcess,
    to: SocketAddress,
    accept: Accept,
    until: number,
    resolve: (s: Socket) => void,
    reject: (e: CephError) => void,
  ): void {
    const from = process.address;
    this.timeline.after(this.delay(from, to.host) + this.delay(to.host, from), () =>
      process.enter(() => {
        const where = `${to.host}:${to.port}`;
        if (!this.isReachable(from, to.host) || !this.isReachable(to.host, from)) {
          if (this.timeline.now >= until) return reject(new CephError('ETIMEDOUT', where));
          this.timeline.after(CONNECT_RETRY_MS, () =>
            this.dial(process, to, accept, until, resolve, reject),
          );
          return;
        }
        const listener = this.listeners.get(where);
        if (!listener) return reject(new CephError('ECONNREFUSED', where));
        const own = { host: from, port: this.nextPort++ };
        const near = new SimSocket(this, process, own, to);
        const far = new SimSocket(this, listener.process, to, own);
        near.other = far;
        far.other = near;
        this.sockets.add(near).add(far);
        listener.process.enter(() => {
          far.events = listener.accept(far);
        });
        near.events = accept(near);
        resolve(near);
      }),
    );
  }

  /** The bytes of several buffers as one, until the next call: whoever keeps them longer finds others there. */
  gathered(buffers: readonly Uint8Array[], length: number): Buffer {
    if (length > SCRATCH_BYTES) return Buffer.concat(buffers);
    const { scratch } = this;
    let at = 0;
    for (const b of buffers) {
      scratch.set(b, at);
      at += b.length;
    }
    return scratch.subarray(0, length);
  }

  noteData(socket: SimSocket, chunk: Buffer): void {
    const { timeline } = this;
    const crc = nativeCrc32c(0, chunk);
    timeline.note(NOTE.data, socket.local.port * 65_536 + socket.remote.port, chunk.length, crc);
  }
  noteClose(socket: SimSocket): void {
    this.timeline.note(NOTE.close, socket.local.port, socket.remote.port, 0);
  }
}

interface Item {
  buffers: readonly Uint8Array[];
  readonly length: number;
  readonly taken: (() => void) | undefined;
  isTaken: boolean;
  /** The last of the stream. */
  readonly end: 'none' | 'close' | 'reset';
}

/** One end of a connection, and the direction away from it. */
class SimSocket implements Socket {
  readonly process: SimProcess;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  other!: SimSocket;
  events: SocketEvents | undefined;
  queuedBytes = 0;
  private readonly network: SimNetwork;
  /** What was sent and has not arrived, in order. */
  private readonly queue: Item[] = [];
  private lastArrival = 0;
  private isClosed = false;
  private isPaused = false;
  /** Arrivals that wait for the peer to take them. */
  private stalled = 0;
  private keptBytes = 0;
  private hasVanished = false;

  constructor(n: SimNetwork, process: SimProcess, local: SocketAddress, remote: SocketAddress) {
    this.network = n;
    this.process = process;
    this.local = local;
    this.remote = remote;
  }

  write(buffers: readonly Uint8Array[], taken?: () => void): void {
    let length = 0;
    for (const b of buffers) length += b.length;
    const item: Item = { buffers, length, taken, isTaken: false, end: 'none' };
    if (this.isClosed || !this.process.isAlive) {
      this.network.timeline.after(0, () => this.take(item));
      return;
    }
    this.queuedBytes += length;
    this.send(item);
  }

  private send(item: Item): void {
    const { network } = this;
    this.queue.push(item);
    const { now } = network.timeline;
    const at = now + network.delay(this.local.host, this.remote.host);
    this.lastArrival = Math.max(this.lastArrival, at);
    network.timeline.after(this.lastArrival - now, this.arrive);
  }

  /** The oldest of what is under way arrives, unless something is in its way. */
  private readonly arrive = (): void => {
    const { network, other } = this;
    const item = this.queue[0];
    if (!item) return;
    const link = network.link(this.local.host, this.remote.host);
    if (link.isCut) {
      // A copy: the process may use its memory for something else.
      if (!item.isTaken && this.keptBytes + item.length <= KERNEL_BYTES) {
        this.keptBytes += item.length;
        item.buffers = [Buffer.concat(item.buffers)];
        this.take(item);
      }
      link.held.push(this.arrive);
      return;
    }
    if (other.isPaused && item.end === 'none') {
      this.stalled++;
      return;
    }
    this.queue.shift();
    if (!other.process.isAlive || other.isClosed) {
      this.take(item);
      if (!other.process.isAlive && item.end === 'none') other.vanish();
      return;
    }
    other.process.enter(() => this.hand(item));
  };

  private hand(item: Item): void {
    const { other, network } = this;
    if (item.end !== 'none') {
      other.end(item.end === 'reset' ? new CephError('ECONNRESET', 'reset by peer') : undefined);
      return;
    }
    const chunk = network.gathered(item.buffers, item.length);
    this.take(item);
    if (other.isClosed) return;
    network.noteData(other, chunk);
    const { splitChance } = network.options;
    if (splitChance > 0 && chunk.length > 1 && network.dice.chance(splitChance)) {
      const at = 1 + network.dice.below(chunk.length - 1);
      other.receive(chunk.subarray(0, at));
      other.receive(chunk.subarray(at));
    } else other.receive(chunk);
    if (this.queuedBytes === 0 && !this.isClosed) this.process.enter(() => this.events?.onDrain());
  }

  private receive(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0 && !this.isClosed; ) {
      const room = this.events!.room?.();
      if (!room) {
        this.events!.onData(rest);
        return;
      }
      const n = rest.copy(room);
      this.events!.onData(room.subarray(0, n));
      rest = rest.subarray(n);
    }
  }

  /** The system has the bytes, or nobody will ever look at them again. */
  private take(item: Item): void {
    if (item.isTaken) return;
    item.isTaken = true;
    this.queuedBytes -= this.isClosed ? 0 : item.length;
    const { taken } = item;
    if (taken) this.process.enter(taken);
  }

  /** Something was sent to a process that is no more. */
  private vanish(): void {
    this.hasVanished = true;
    if (this.network.isReachable(this.remote.host, this.local.host)) this.refuse();
  }
  /** The machine says that it knows no such connection. */
  refuse(): void {
    if (!this.hasVanished) return;
    const { network, other } = this;
    this.network.forget(this);
    network.timeline.after(network.delay(this.local.host, this.remote.host), () =>
      other.process.enter(() => other.end(new CephError('ECONNRESET', 'no such connection'))),
    );
  }

  private end(error?: Error): void {
    if (this.isClosed) return;
    this.close();
    this.events?.onClose(error);
  }

  private close(): void {
    this.isClosed = true;
    this.network.forget(this);
    this.network.noteClose(this);
    for (const item of this.queue.splice(0)) this.take(item);
    this.queuedBytes = 0;
  }

  /** Something between the two ends gives the connection up. */
  breakBoth(): void {
    for (const s of [this, this.other]) {
      s.queue.length = 0;
      const ms = this.network.dice.unit() * 5;
      this.network.timeline.after(ms, () =>
        s.process.enter(() => s.end(new CephError('ECONNRESET', 'broken'))),
      );
    }
  }

  /** The process is no more. */
  died(isPowerLost: boolean): void {
    if (this.isClosed) return;
    this.queue.length = isPowerLost ? 0 : this.queue.length;
    if (isPowerLost) return;
    this.network.forget(this);
    this.send({ buffers: [], length: 0, taken: undefined, isTaken: true, end: 'reset' });
  }

  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    const { other } = this;
    const n = other.stalled;
    other.stalled = 0;
    for (let i = 0; i < n; i++) this.network.timeline.after(0, other.arrive);
  }
  destroy(): void {
    if (this.isClosed) return;
    // What has not arrived is lost: its memory may be used again from now on.
    const dropped = this.queue.splice(0);
    this.send({ buffers: [], length: 0, taken: undefined, isTaken: true, end: 'close' });
    this.isClosed = true;
    this.network.forget(this);
    this.network.noteClose(this);
    this.network.timeline.after(0, () => {
      for (const item of dropped) this.take(item);
      this.queuedBytes = 0;
      this.process.enter(() => this.events?.onClose());
    });
  }
}
