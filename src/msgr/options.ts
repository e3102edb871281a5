import type { CephError } from '../errors/index.ts';
import type { AuthName, EntityAddr, EntityName } from '../wire/index.ts';
import type { Dispatcher, Policy } from './messenger.ts';

/** What a connecting peer claims to be. With AUTH_NONE nothing proves it. */
export interface AuthRequest {
  /** Entity type from HELLO. */
  readonly peerType: number;
  readonly name: AuthName;
  /** 0: the peer has none yet and wants one (only a mon can give it). */
  readonly globalId: number;
  /** Where the peer is seen from here. */
  readonly socketAddr: EntityAddr;
}

/** A refusal is answered with AUTH_BAD_METHOD and the errno (EACCES, EOPNOTSUPP). */
export type AuthDecision =
  | { readonly ok: true; readonly globalId: number }
  | { readonly ok: false; readonly error: CephError };

/** Bounds on what one messenger takes from, and keeps for, its peers. All have defaults. */
export interface MessengerBounds {
  /**
   * Sockets accepted and alive at once, more are closed at once; and sessions kept by peer address, of which the oldest
   * that rests without a socket makes room. Default 10,000.
   */
  readonly connectionsMax: number;
  /** Bytes queued for a lossy peer that does not read; above it the session is cut. Default 256 MiB. */
  readonly lossyQueueBytesMax: number;
  /**
   * Bytes kept for a lossless peer (queued or not yet acknowledged). Above it the session is reset and `onReset` comes:
   * a peer that is away for so long must be handled by a map change, not by memory. Default 1 GiB.
   */
  readonly losslessQueueBytesMax: number;
  /** Largest front or middle segment accepted. Default 64 MiB. */
  readonly frontBytesMax: number;
  /** Largest data segment accepted. Default 128 MiB. */
  readonly dataBytesMax: number;
}

/** Periods in milliseconds. All have defaults. */
export interface MessengerTimes {
  /** From the TCP connection to the end of the handshake. Default 10,000. */
  readonly handshakeMs: number;
  /** The dialling side sends KEEPALIVE2 after this much silence. 0: never. Default 10,000. */
  readonly keepaliveMs: number;
  /** A dialled peer that is silent for so long in spite of keepalives is dead. Default 30,000. */
  readonly keepaliveTimeoutMs: number;
  /** A socket with no traffic either way for so long is closed (a lossless session itself stays). Default 900,000. */
  readonly idleMs: number;
  /** First and longest pause before a lossless session dials again; it doubles in between. Default 200 and 15,000. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

export interface MessengerOptions {
  /** Own type and number: osd.3, mon.0; a client begins with number -1 and becomes its global id (see `globalId`). */
  readonly name: EntityName;
  /** Name presented in AUTH_REQUEST, e.g. {type: 8, id: 'admin'}. */
  readonly authName: AuthName;
  /**
   * Known from an earlier session; default 0 = unknown. What a mon answers in AUTH_DONE is adopted by itself and can be
   * read at `Messenger.globalId`; a client's number follows it.
   */
  readonly globalId?: number;
  /** Nonce announced while not listening. Default random. */
  readonly nonce?: number;
  readonly dispatcher: Dispatcher;
  /** Default `defaultPolicy(name.type, peerType)`. */
  readonly policy?: (peerType: number) => Policy;
  /** Decides on a connecting peer. Default: everyone is let in with the global id it sent. A mon gives ids here. */
  readonly authenticate?: (request: AuthRequest) => AuthDecision;
  /**
   * An error other than DecodeError came out of the dispatcher: a bug of ours. Default: it is thrown on, which ends the
   * process.
   */
  readonly onFatal?: (error: unknown) => void;
  readonly bounds?: Partial<MessengerBounds>;
  readonly times?: Partial<MessengerTimes>;
}

export const DEFAULT_BOUNDS: MessengerBounds = {
  connectionsMax: 10_000,
  lossyQueueBytesMax: 256 << 20,
  losslessQueueBytesMax: 1 << 30,
  frontBytesMax: 64 << 20,
  dataBytesMax: 128 << 20,
};

export const DEFAULT_TIMES: MessengerTimes = {
  handshakeMs: 10_000,
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 30_000,
  idleMs: 900_000,
  backoffMs: 200,
  backoffMaxMs: 15_000,
};
