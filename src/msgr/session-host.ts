import type { CephError } from '../errors/index.ts';
import type { EntityAddr } from '../wire/index.ts';
import type { AuthedPeer } from './authenticate.ts';
import type { PeerConnection } from './connection.ts';
import type { ControlFrame } from './control.ts';
import type { Link } from './link.ts';

/** MSG_ADDR2: addresses are encoded in no other way here. */
export const FEATURES_REQUIRED = 1n << 59n;

/** One kind of control frame. */
export type Frame<K extends ControlFrame['kind']> = Extract<ControlFrame, { kind: K }>;

/** What the session part of the handshake asks of its messenger. */
export interface SessionHost {
  readonly addrs: EntityAddr[];
  /** Own number: OSD id, mon rank, a client's global id or -1. */
  readonly number: number;
  /** Counts the attempts of this process. A peer that knows a higher one raises it. */
  globalSeq: number;
  /** A random number other than 0. */
  cookie(): bigint;
  /** The session with the peer at this address, if one is kept. */
  known(addr: EntityAddr): PeerConnection | undefined;
  /** A session with a peer that comes for the first time. */
  newcomer(peer: AuthedPeer, addr: EntityAddr, ident: Frame<'clientIdent'>): PeerConnection;
  /** The session leaves whatever socket it had for this one. */
  takeOver(link: Link, connection: PeerConnection): void;
  /** The handshake is over. */
  opened(link: Link, connection: PeerConnection): void;
  /** The peer's own socket is on its way here; ours was one too many. */
  stepBack(connection: PeerConnection): void;
  /** A lossless peer forgot the session. */
  forgotten(connection: PeerConnection): void;
  /** The session is over. */
  sessionLost(connection: PeerConnection, cause: CephError | undefined): void;
}
