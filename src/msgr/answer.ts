import { DEFAULT_FEATURES } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { formatAddrVec } from '../wire/index.ts';
import type { AuthedPeer } from './authenticate.ts';
import type { PeerConnection } from './connection.ts';
import { type ControlFrame, IDENT_LOSSY } from './control.ts';
import { decideIdent, decideReconnect, type Existing, isOwnAddr, namingAddr } from './establish.ts';
import { ProtocolError } from './format.ts';
import type { Link } from './link.ts';
import { FEATURES_REQUIRED, type Frame, type SessionHost } from './session-host.ts';

// The acceptor's side of the session: carries out what `establish` decides.

/** What a connector asks for. @throws ProtocolError when it breaks the protocol */
export function onAsked(host: SessionHost, link: Link, frame: ControlFrame): void {
  switch (frame.kind) {
    case 'clientIdent':
      onClientIdent(host, link, link.peer!, frame);
      return;
    case 'sessionReconnect':
      onReconnect(host, link, frame);
      return;
    default:
      throw new ProtocolError(`${frame.kind} instead of an ident`);
  }
}

function onClientIdent(
  host: SessionHost,
  link: Link,
  peer: AuthedPeer,
  frame: Frame<'clientIdent'>,
): void {
  const addr = namingAddr(frame.addrs);
  if (addr === undefined) throw new ProtocolError('ident without an address');
  if (!isOwnAddr(frame.target, host.addrs)) {
    throw new ProtocolError(`ident for ${formatAddrVec([frame.target])}, which is not us`);
  }
  const missing = FEATURES_REQUIRED & ~frame.supported;
  if (missing !== 0n) {
    link.send({ kind: 'identMissingFeatures', missing });
    return;
  }
  const foreign = frame.required & ~DEFAULT_FEATURES;
  if (foreign !== 0n) throw new ProtocolError(`peer requires 0x${foreign.toString(16)}`);

  const known = host.known(addr);
  const decision = decideIdent(known && existing(known), frame, addr, namingAddr(host.addrs)!);
  switch (decision.kind) {
    case 'retryGlobal':
      link.send({ kind: 'sessionRetryGlobal', seq: decision.globalSeq });
      return;
    case 'wait':
      link.send({ kind: 'wait' });
      return;
    case 'begin':
      if (known !== undefined) host.sessionLost(known, new CephError('ECONNRESET', 'replaced'));
      welcome(host, link, host.newcomer(peer, addr, frame), peer, frame);
      return;
    case 'replace':
      if (decision.forget) host.forgotten(known!);
      if (!link.dead) welcome(host, link, known!, peer, frame);
  }
}

/** Answers CLIENT_IDENT: the session begins, with new numbers on both sides. */
function welcome(
  host: SessionHost,
  link: Link,
  connection: PeerConnection,
  peer: AuthedPeer,
  frame: Frame<'clientIdent'>,
): void {
  const { state } = connection;
  host.takeOver(link, connection);
  state.peerAddrs = frame.addrs;
  state.clientCookie = state.lossy ? 0n : frame.cookie;
  state.serverCookie = state.lossy ? 0n : host.cookie();
  state.peerGlobalSeq = frame.globalSeq;
  state.restart();
  connection.peer = { type: peer.type, num: frame.gid === -1 ? peer.globalId : frame.gid };
  connection.features = frame.supported & DEFAULT_FEATURES;
  link.send({
    kind: 'serverIdent',
    addrs: host.addrs,
    gid: host.number,
    globalSeq: ++host.globalSeq,
    supported: DEFAULT_FEATURES,
    required: FEATURES_REQUIRED,
    flags: state.lossy ? IDENT_LOSSY : 0n,
    cookie: state.serverCookie,
  });
  host.opened(link, connection);
}

function onReconnect(host: SessionHost, link: Link, frame: Frame<'sessionReconnect'>): void {
  const addr = namingAddr(frame.addrs);
  if (addr === undefined) throw new ProtocolError('reconnect without an address');
  const known = host.known(addr);
  const decision = decideReconnect(known && existing(known), frame, addr, namingAddr(host.addrs)!);
  switch (decision.kind) {
    case 'reset':
      link.send({ kind: 'sessionReset', full: decision.full ? 1 : 0 });
      return;
    case 'retryGlobal':
      link.send({ kind: 'sessionRetryGlobal', seq: decision.globalSeq });
      return;
    case 'retry':
      link.send({ kind: 'sessionRetry', seq: decision.connectSeq });
      return;
    case 'wait':
      link.send({ kind: 'wait' });
      return;
    case 'resume': {
      const connection = known!;
      const { state } = connection;
      host.takeOver(link, connection);
      state.connectSeq = frame.connectSeq;
      state.peerGlobalSeq = frame.globalSeq;
      state.resume(frame.messageSeq);
      link.send({ kind: 'sessionReconnectOk', seq: state.inSeq });
      host.opened(link, connection);
    }
  }
}

function existing(connection: PeerConnection): Existing {
  const { state, link } = connection;
  const open = link?.open === true;
  return {
    lossy: state.lossy,
    server: state.server,
    clientCookie: state.clientCookie,
    serverCookie: state.serverCookie,
    connectSeq: state.connectSeq,
    peerGlobalSeq: state.peerGlobalSeq,
    dialling: link !== undefined && !open,
    open,
  };
}
