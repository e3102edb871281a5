import { encodeToBytes } from '../codec/index.ts';
import { ADDR, EntityAddr, sameAddr } from '../wire/index.ts';

// The acceptor's choices: fact sheet §2.5; ProtocolV2::handle_existing_connection and handle_reconnect,
// src/msg/async/ProtocolV2.cc of Ceph 16.2.

/** What the acceptor already has with this peer. */
export interface Existing {
  readonly lossy: boolean;
  readonly server: boolean;
  readonly clientCookie: bigint;
  readonly serverCookie: bigint;
  readonly connectSeq: number;
  readonly peerGlobalSeq: number;
  /** A socket of our own is on its way to the peer. */
  readonly dialling: boolean;
  /** A socket is up and the handshake is over. */
  readonly open: boolean;
}

export type IdentDecision =
  /** A session of its own; a lossy one that was there is dropped. */
  | { readonly kind: 'begin' }
  /** Go on with the session that is there; `forget` when the peer lost its side of it. */
  | { readonly kind: 'replace'; readonly forget: boolean }
  | { readonly kind: 'retryGlobal'; readonly globalSeq: number }
  | { readonly kind: 'wait' };

/** Which side's socket lives when both dial at once: that of the smaller address. */
function peerWins(peer: EntityAddr, own: EntityAddr, existing: Existing): boolean {
  return existing.server || compareAddr(peer, own) < 0;
}

/** The answer to CLIENT_IDENT. */
export function decideIdent(
  existing: Existing | undefined,
  offer: { readonly globalSeq: number; readonly cookie: bigint },
  peer: EntityAddr,
  own: EntityAddr,
): IdentDecision {
  if (existing === undefined) return { kind: 'begin' };
  if (existing.peerGlobalSeq > offer.globalSeq) {
    return { kind: 'retryGlobal', globalSeq: existing.peerGlobalSeq };
  }
  if (existing.lossy) return { kind: 'begin' };
  if (existing.clientCookie !== 0n && existing.clientCookie === offer.cookie) {
    // Our SERVER_IDENT was lost on its way.
    return { kind: 'replace', forget: false };
  }
  if (existing.serverCookie !== 0n) return { kind: 'replace', forget: true };
  if (existing.dialling && !peerWins(peer, own, existing)) return { kind: 'wait' };
  return { kind: 'replace', forget: false };
}

export type ReconnectDecision =
  | { readonly kind: 'reset'; readonly full: boolean }
  | { readonly kind: 'retryGlobal'; readonly globalSeq: number }
  | { readonly kind: 'retry'; readonly connectSeq: number }
  | { readonly kind: 'wait' }
  | { readonly kind: 'resume' };

/** The answer to SESSION_RECONNECT. */
export function decideReconnect(
  existing: Existing | undefined,
  offer: {
    readonly clientCookie: bigint;
    readonly globalSeq: number;
    readonly connectSeq: number;
  },
  peer: EntityAddr,
  own: EntityAddr,
): ReconnectDecision {
  if (existing === undefined || existing.lossy) return { kind: 'reset', full: true };
  if (existing.clientCookie !== offer.clientCookie) return { kind: 'reset', full: true };
  if (existing.serverCookie === 0n) return { kind: 'reset', full: false };
  if (existing.peerGlobalSeq > offer.globalSeq) {
    return { kind: 'retryGlobal', globalSeq: existing.peerGlobalSeq };
  }
  if (existing.connectSeq > offer.connectSeq) {
    return { kind: 'retry', connectSeq: existing.connectSeq };
  }
  if (
    existing.connectSeq === offer.connectSeq &&
    (existing.dialling || existing.open) &&
    !peerWins(peer, own, existing)
  ) {
    return { kind: 'wait' };
  }
  return { kind: 'resume' };
}

/** The address that names a peer: where it listens with msgr2, or what a client announces. */
export function namingAddr(addrs: readonly EntityAddr[]): EntityAddr | undefined {
  return addrs.find((a) => a.type === ADDR.msgr2) ?? addrs[0];
}

export function addrKey(a: EntityAddr): string {
  return `${a.host}:${a.port}/${a.nonce}`;
}

/** entity_addr_t's order is that of its bytes in memory, which the encoding keeps (msg_types.h, 16.2). */
function compareAddr(a: EntityAddr, b: EntityAddr): number {
  return Buffer.compare(encodeToBytes(EntityAddr, a), encodeToBytes(EntityAddr, b));
}

/** The peer asked for one of our addresses. A listener on all interfaces answers to any host. */
export function isOwnAddr(target: EntityAddr, own: readonly EntityAddr[]): boolean {
  return own.some(
    (a) =>
      sameAddr(a, target) ||
      ((a.host === '0.0.0.0' || a.host === '::') &&
        a.type === target.type &&
        a.port === target.port &&
        a.nonce === target.nonce),
  );
}
