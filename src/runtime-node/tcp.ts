import {
  type ConnectOpts,
  createServer,
  type Server,
  type SocketConstructorOpts,
  Socket as TcpSocket,
} from 'node:net';
import { CephError, ERRNO, type ErrnoName } from '../errors/index.ts';
import type { Listener, Network, Socket, SocketAddress, SocketEvents } from '../runtime/index.ts';

const ACCEPT_BACKLOG = 511;

/** Real sockets. */
export const tcpNetwork: Network = {
  listen(address, accept) {
    return new Promise<Listener>((resolve, reject) => {
      const server: Server = createServer({ pauseOnConnect: true }, (stream) =>
        new TcpEndpoint(taken(stream)).start(accept),
      );
      server.once('error', (e) => reject(cephErrorOf(e, `listen on ${textOf(address)}`)));
      server.listen({ host: address.host, port: address.port, backlog: ACCEPT_BACKLOG }, () => {
        const at = server.address();
        if (at === null || typeof at === 'string') {
          reject(new CephError('EIO', `no address for ${textOf(address)}`));
          return;
        }
        // Later errors are of single accepts (out of descriptors); the listener itself lives on.
        server.removeAllListeners('error');
        server.on('error', () => {});
        resolve({
          address: { host: at.address, port: at.port },
          // The port is free at once; the server's own callback would wait for every accepted socket to end.
          close: async () => {
            server.close();
          },
        });
      });
    });
  },

  connect(address, accept) {
    return new Promise<Socket>((resolve, reject) => {
      const stream = readingSocket();
      const failed = (e: Error): void => reject(cephErrorOf(e, `connect to ${textOf(address)}`));
      stream.once('error', failed);
      stream.connect({ host: address.host, port: address.port }, () => {
        stream.removeListener('error', failed);
        const socket = new TcpEndpoint(stream);
        socket.start(accept);
        resolve(socket);
      });
    });
  },
};

/**
 * What sockets are read into, but for the greater part of large messages. A read is worked off before the next one begins, so one buffer does for all: reading
 * takes no memory, and the collector of garbage has none of it to look after.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/** Who is told of a socket's bytes; known once it is connected. */
const readers = new WeakMap<TcpSocket, SocketEvents>();

/** A socket that reads into {@link READ_BUFFER}. @param handle of a connection that was accepted */
function readingSocket(handle?: object): TcpSocket {
  let into: Buffer = READ_BUFFER;
  // The constructor of one with a handle asks for the buffer already.
  let events: SocketEvents | undefined;
  const options: SocketConstructorOpts & { handle: object | undefined } & Pick<
      ConnectOpts,
      'onread'
    > = {
    handle,
    onread: {
      // Asked for before the first read and after each.
      buffer: () => {
        into = events?.room?.() ?? READ_BUFFER;
        return into;
      },
      callback: (count: number) => {
        events ??= readers.get(stream);
        events?.onData(into.subarray(0, count));
        return true;
      },
    },
  };
  const stream: TcpSocket = new TcpSocket(options);
  return stream;
}

/** An accepted connection as such a socket: a server offers no choice of how its sockets read. */
function taken(accepted: TcpSocket): TcpSocket {
  const owner = accepted as { _handle?: object | null };
  const handle = owner._handle;
  if (!handle) return accepted;
  owner._handle = null;
  return readingSocket(handle);
}

/**
 * One connected socket. Writes of one turn of the event loop leave in one writev: the stream is corked at the first and
 * uncorked by a tick, which runs when all callbacks and promises of the turn have run.
 */
class TcpEndpoint implements Socket {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  private readonly stream: TcpSocket;
  private corked = false;
  private events: SocketEvents | undefined;

  constructor(stream: TcpSocket) {
    this.stream = stream;
    // Here for both ends: as an option of `connect` it would do nothing, and an answer would wait 40 ms for an ack.
    stream.setNoDelay(true);
    this.local = { host: hostOf(stream.localAddress), port: stream.localPort ?? 0 };
    this.remote = { host: hostOf(stream.remoteAddress), port: stream.remotePort ?? 0 };
  }

  start(accept: (socket: Socket) => SocketEvents): void {
    const events = accept(this);
    this.events = events;
    let failure: Error | undefined;
    readers.set(this.stream, events);
    this.stream.on('error', (e) => {
      failure = cephErrorOf(e, textOf(this.remote));
    });
    this.stream.on('close', () => events.onClose(failure));
  }

  get queuedBytes(): number {
    return this.stream.writableLength;
  }

  write(buffers: readonly Uint8Array[], taken?: () => void): void {
    const stream = this.stream;
    if (stream.destroyed || buffers.length === 0) {
      if (taken) process.nextTick(taken);
      return;
    }
    if (!this.corked) {
      this.corked = true;
      stream.cork();
      process.nextTick(this.uncork);
    }
    const last = buffers.length - 1;
    for (let i = 0; i < last; i++) stream.write(buffers[i]!);
    const { written } = this;
    const done = (error?: Error | null): void => {
      taken?.();
      written(error);
    };
    stream.write(buffers[last]!, taken ? done : written);
  }

  private readonly uncork = (): void => {
    this.corked = false;
    this.stream.uncork();
  };

  private readonly written = (error?: Error | null): void => {
    // With an error the close event follows, and says it.
    if (!error && this.stream.writableLength === 0) this.events?.onDrain();
  };

  pause(): void {
    this.stream.pause();
  }
  resume(): void {
    this.stream.resume();
  }
  destroy(): void {
    this.stream.destroy();
  }
}

/** A listener on all IPv6 interfaces sees IPv4 peers as `::ffff:a.b.c.d`. */
function hostOf(address: string | undefined): string {
  return address === undefined ? '' : address.replace(/^::ffff:(?=\d+\.)/, '');
}

function textOf(a: SocketAddress): string {
  return a.host.includes(':') ? `[${a.host}]:${a.port}` : `${a.host}:${a.port}`;
}

function cephErrorOf(e: Error, what: string): CephError {
  const code = (e as NodeJS.ErrnoException).code ?? '';
  const errno: ErrnoName = code in ERRNO ? (code as ErrnoName) : 'EIO';
  return new CephError(errno, `${what}: ${e.message}`, { cause: e });
}
