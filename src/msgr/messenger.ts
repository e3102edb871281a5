import type { CephError } from '../errors/index.ts';
import type { AuthName, EntityAddr, EntityName } from '../wire/index.ts';

/** What a sender gives. Segments are sent as they are, without a copy, and must not change afterwards. */
export interface OutgoingMessage {
  readonly type: number;
  readonly version: number;
  readonly compatVersion: number;
  /** Transaction id; a reply copies the request's. Default 0. */
  readonly tid?: number;
  /** Default 127. */
  readonly priority?: number;
  readonly front: Uint8Array;
  readonly middle?: Uint8Array;
  /** Sent as one data segment. */
  readonly data?: readonly Uint8Array[];
  /** For each part of `data`, if known: crc32c(0xffffffff) of each whole 4096 bytes of it, from its start. */
  readonly dataCrcs?: readonly (Uint32Array | undefined)[] | undefined;
  /**
   * Called when the messenger will not look at the segments again: they were taken by the kernel, or on a lossless
   * session acknowledged, or the session was reset. At most once; not when the message was never queued.
   */
  readonly done?: (() => void) | undefined;
}

/** What a dispatcher gets. Segments are the receiver's to keep. */
export interface IncomingMessage {
  readonly type: number;
  readonly version: number;
  readonly compatVersion: number;
  readonly tid: number;
  readonly seq: number;
  readonly priority: number;
  readonly front: Buffer;
  readonly middle: Buffer;
  readonly data: Buffer;
  /** crc32c(0xffffffff) of each whole 4096 bytes of the data, from its start; only of large data. */
  readonly dataCrcs: Uint32Array | undefined;
  /** Its memory is worth to be recycled. */
  readonly isLarge: boolean;
  /**
   * The message counts against its connection's byte and message throttles until released. Without `hold` that is when
   * `onMessage` returns; a dispatcher that keeps the message calls `hold`, and `release` once when done.
   */
  hold(): void;
  release(): void;
  /**
   * Says that nobody will look at the segments, or at a window of them, any more: their memory is used for another
   * message. Optional, and worth it for large data.
   */
  recycle(): void;
}

/** One session with a peer; it outlives its sockets when the policy is lossless. */
export interface Connection {
  /** Type and number the peer presented: `client.4123` and so on. Known once ready. */
  readonly peer: EntityName;
  /** The name it authenticated as (acceptors), e.g. client.admin. */
  readonly peerAuth: AuthName | undefined;
  /** Addresses the peer announced. The first msgr2 one is where it listens, if it does. */
  readonly peerAddrs: readonly EntityAddr[];
  /** Where the peer is seen from here: host, port of the socket. */
  readonly peerSocketAddr: EntityAddr;
  /** The peer's global id on the accepting side; 0 on the dialling one. */
  readonly peerGlobalId: number;
  /** Features both sides announced. */
  readonly features: bigint;
  /** Handshake finished and socket alive. */
  readonly ready: boolean;
  /** A slot for the dispatcher's own state of this peer. */
  session: unknown;
  /**
   * Queues a message. Before the handshake ends it waits; on a lossy session that is gone it is dropped, on a lossless
   * one it is kept until acknowledged. Order is kept.
   */
  send(message: OutgoingMessage): void;
  /** Bytes of messages queued and not yet taken by the kernel, on a lossless session not yet acknowledged. */
  readonly queuedBytes: number;
  /** Ends the session without a goodbye; no further event comes for it. */
  close(): void;
}

/** Events of all connections of one messenger. None is called from inside a messenger's method. */
export interface Dispatcher {
  onMessage(connection: Connection, message: IncomingMessage): void;
  /** The handshake ended, on either side; again after each reconnect of a lossless session. */
  onReady?(connection: Connection): void;
  /**
   * The session is gone. A lossy connection, which lost its socket or never got one, is over. A lossless one, whose peer
   * forgot us (it restarted) or was away for longer than the queue has room, lives on with nothing queued. The cause,
   * where there is one: ECONNREFUSED, ETIMEDOUT, EACCES ...
   */
  onReset?(connection: Connection, cause?: CephError): void;
}

/** How a session behaves when its socket breaks, chosen per peer type (Ceph's Messenger::Policy). */
export interface Policy {
  /** Lossy: gone with the socket. Lossless: reconnects, replays what was not acknowledged. */
  readonly lossy: boolean;
  /** A lossless acceptor that waits for the peer to dial again instead of dialling itself. */
  readonly server: boolean;
  /** Received and not yet released; the socket is paused above it. 0: no bound. */
  readonly throttleBytes: number;
  readonly throttleMessages: number;
  /**
   * More than so many bytes are read ahead only once as many have been held for a while: most requests are soon done, and
   * memory for more of them at a time makes nothing sooner; what waits for something else must not hold up the rest. 0: no
   * such bound.
   */
  readonly paceBytes: number;
}

export interface ConnectTarget {
  readonly type: number; // ENTITY.mon ...
  readonly addrs: readonly EntityAddr[];
}

export interface Messenger {
  /** What we announce: set by `listen`, or blank with a random nonce for a client. */
  readonly addrs: readonly EntityAddr[];
  /** Given by a mon in AUTH_DONE; 0 before. */
  readonly globalId: number;
  /** Starts to accept. Rejects with EADDRINUSE. Port 0 lets the system choose; the result has the real one. */
  listen(addr: { host: string; port: number; nonce: number }): Promise<EntityAddr>;
  /** The session with this peer, made and dialled if there is none (lossy connects always make one). */
  connect(target: ConnectTarget): Connection;
  /** Closes every session and listener. */
  shutdown(): Promise<void>;
}
