import { crc32c } from '../../src/codec/index.ts';
import { CephError } from '../../src/errors/index.ts';
import type {
  Clock,
  Listener,
  Logger,
  Network,
  Random,
  Runtime,
  Socket,
  SocketAddress,
  SocketEvents,
} from '../../src/runtime/index.ts';

/** How hostile the simulated network is. */
export interface SimOptions {
  /** Longest delay of one chunk. */
  delayMaxMs?: number;
  /** Longest chunk; each chunk has a random length up to it. */
  chunkMax?: number;
  /** A connection is cut after a random count of bytes up to this, both directions together. Default: never. */
  cutBytesMax?: () => number | undefined;
}

interface SimEvent {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Virtual time, chance from a seed, and byte streams between the programs of one test. */
export class SimWorld {
  now = 0;
  readonly clock: Clock;
  readonly random: Random;
  readonly options: Required<SimOptions>;
  readonly listeners = new Map<string, (socket: Socket) => SocketEvents>();
  /** While true, bytes in flight and written vanish and nobody is told: a pulled cable. */
  silent = false;
  /** Sees every write before the network has its way with it. */
  tap: (from: Socket, bytes: Buffer) => void = () => {};
  private events: SimEvent[] = [];
  private order = 0;
  private state: number;
  private hash = 0x811c9dc5;
  private nextPort = 40_000;

  constructor(seed: number, options: SimOptions = {}) {
    this.state = (seed * 2654435761) >>> 0;
    this.options = {
      delayMaxMs: 5,
      chunkMax: 1500,
      cutBytesMax: () => undefined,
      ...options,
    };
    this.clock = {
      monotonicMs: () => this.now,
      wallMs: () => 1_600_000_000_000 + this.now,
      setTimer: (delayMs, fire) => {
        const event = this.at(Math.max(0, delayMs), fire);
        return {
          cancel: () => {
            event.cancelled = true;
          },
        };
      },
    };
    this.random = {
      below: (n) => Math.floor(this.chance() * n),
      bytes: (length) => Uint8Array.from({ length }, () => Math.floor(this.chance() * 256)),
    };
  }

  /** mulberry32 */
  chance(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Everything that happens is noted here; equal seeds give equal hashes. */
  note(what: string): void {
    const line = `${this.now.toFixed(3)} ${what}`;
    for (let i = 0; i < line.length; i++) {
      this.hash = Math.imul(this.hash ^ line.charCodeAt(i), 0x01000193) >>> 0;
    }
  }
  get traceHash(): string {
    return this.hash.toString(16);
  }

  at(delayMs: number, fire: () => void): SimEvent {
    const event = { at: this.now + delayMs, order: this.order++, fire, cancelled: false };
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.events[mid]!.at <= event.at) low = mid + 1;
      else high = mid;
    }
    this.events.splice(low, 0, event);
    return event;
  }

  /** Runs events in order until `done` or the virtual time is over. @returns whether `done` came true */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    await settle();
    while (!done()) {
      const event = this.events[0];
      if (event === undefined || event.at > untilMs) {
        this.now = Math.max(this.now, untilMs);
        return done();
      }
      this.events.shift();
      if (event.cancelled) continue;
      this.now = event.at;
      event.fire();
      await settle();
    }
    return true;
  }

  runtime(log: Logger = () => {}): Runtime {
    return { clock: this.clock, random: this.random, network: this.network, log, crc32c };
  }

  readonly network: Network = {
    listen: async (address, accept): Promise<Listener> => {
      const port = address.port || this.nextPort++;
      const key = `${address.host}:${port}`;
      if (this.listeners.has(key)) throw new CephError('EADDRINUSE', key);
      this.listeners.set(key, accept);
      return {
        address: { host: address.host, port },
        close: async () => {
          this.listeners.delete(key);
        },
      };
    },
    connect: (address, accept) =>
      new Promise((resolve, reject) => {
        this.at(this.chance() * this.options.delayMaxMs, () => {
          const serve = this.listeners.get(`${address.host}:${address.port}`);
          if (serve === undefined) {
            reject(new CephError('ECONNREFUSED', `${address.host}:${address.port}`));
            return;
          }
          const own = { host: '127.0.0.1', port: this.nextPort++ };
          const wire = new SimWire(this);
          const near = new SimSocket(this, wire, own, address);
          const far = new SimSocket(this, wire, address, own);
          near.other = far;
          far.other = near;
          far.events = serve(far);
          near.events = accept(near);
          resolve(near);
        });
      }),
  };
}

/** Lets promises and microtasks run dry. */
function settle(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** What both directions of one connection share: the bytes left until it is cut. */
class SimWire {
  budget: number;
  /** Bytes vanished: a stream never goes on behind a gap. */
  lost = false;
  constructor(world: SimWorld) {
    const max = world.options.cutBytesMax();
    this.budget =
      max === undefined ? Number.POSITIVE_INFINITY : 1 + Math.floor(world.chance() * max);
  }
}

/** A copy of the bytes from..end of all buffers together. */
function range(buffers: readonly Uint8Array[], from: number, end: number): Buffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const b of buffers) {
    parts.push(b.subarray(Math.max(0, from - at), Math.max(0, end - at)));
    at += b.length;
  }
  return Buffer.concat(parts);
}

class SimSocket implements Socket {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  other!: SimSocket;
  events!: SocketEvents;
  queuedBytes = 0;
  private closed = false;
  private paused = false;
  private held: (() => void)[] = [];
  /** To be told when their bytes are taken. */
  private readonly looking = new Set<() => void>();
  private lastArrival = 0;
  private readonly world: SimWorld;
  private readonly wire: SimWire;

  constructor(world: SimWorld, wire: SimWire, local: SocketAddress, remote: SocketAddress) {
    this.world = world;
    this.wire = wire;
    this.local = local;
    this.remote = remote;
  }

  write(buffers: readonly Uint8Array[], taken?: () => void): void {
    if (taken) this.looking.add(taken);
    if (this.closed) {
      this.later(() => this.done(taken));
      return;
    }
    const bytes = Buffer.concat(buffers);
    this.world.tap(this, bytes);
    for (let at = 0; at < bytes.length; ) {
      let n = 1 + Math.floor(this.world.chance() * this.world.options.chunkMax);
      n = Math.min(n, bytes.length - at, this.wire.budget);
      if (n > 0) {
        const from = at;
        this.wire.budget -= n;
        this.queuedBytes += n;
        // They may not change until they are taken, so they are looked at late.
        this.later(() => this.arrive(range(buffers, from, from + n)));
      }
      at += n;
      if (this.wire.budget === 0) {
        this.later(() => this.cut());
        return;
      }
    }
    this.later(() => this.done(taken));
  }

  private done(taken: (() => void) | undefined): void {
    if (taken && this.looking.delete(taken)) taken();
  }

  /** In order, after a random delay. */
  private later(act: () => void): void {
    const { world } = this;
    const at = world.now + world.chance() * world.options.delayMaxMs;
    this.lastArrival = Math.max(this.lastArrival, at);
    world.at(this.lastArrival - world.now, act);
  }

  private arrive(chunk: Buffer): void {
    const to = this.other;
    if (this.world.silent) this.wire.lost = true;
    if (this.wire.lost) return;
    if (to.paused) {
      // It stays with the sender, as behind a full window.
      to.held.push(() => this.arrive(chunk));
      return;
    }
    this.queuedBytes -= chunk.length;
    to.take(chunk);
    if (this.queuedBytes === 0 && !this.closed) this.events.onDrain();
  }

  private take(chunk: Buffer): void {
    if (this.closed) return;
    this.world.note(`data ${this.remote.port}>${this.local.port} ${crc32c(0, chunk)}`);
    const room = this.events.room?.();
    if (!room || this.world.chance() < 0.3) {
      this.events.onData(chunk);
      return;
    }
    const n = chunk.copy(room);
    this.events.onData(room.subarray(0, n));
    if (n < chunk.length && !this.closed) this.events.onData(chunk.subarray(n));
  }

  private cut(): void {
    this.end(new CephError('ECONNRESET', 'cut'));
    // The other side hears of it at a time of its own.
    this.later(() => this.other.end(new CephError('ECONNRESET', 'cut')));
  }

  private end(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.world.note(`close ${this.local.port}`);
    for (const taken of this.looking) this.done(taken);
    this.events.onClose(error);
  }

  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
    this.world.at(0, () => {
      while (!this.paused && this.held.length > 0) this.held.shift()!();
    });
  }
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.world.at(0, () => {
      for (const taken of this.looking) this.done(taken);
      this.events.onClose();
    });
    this.later(() => this.other.end());
  }
}
