import { DEFAULT_FEATURES } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { formatAddrVec, sameAddr } from '../wire/index.ts';
import type { PeerConnection } from './connection.ts';
import { type ControlFrame, IDENT_LOSSY } from './control.ts';
import { ProtocolError } from './format.ts';
import type { Link } from './link.ts';
import { FEATURES_REQUIRED, type Frame, type SessionHost } from './session-host.ts';

// The connector's side of the session: fact sheet §2.4 step 6, §2.5.

/** Asks for the session: a new one, or the one that both still know. */
export function askSession(host: SessionHost, link: Link, connection: PeerConnection): void {
  const { state } = connection;
  const addrs = host.addrs;
  const globalSeq = ++host.globalSeq;
  if (state.serverCookie !== 0n) {
    state.connectSeq++;
    link.send({
      kind: 'sessionReconnect',
      addrs,
      clientCookie: state.clientCookie,
      serverCookie: state.serverCookie,
      globalSeq,
      connectSeq: state.connectSeq,
      messageSeq: state.inSeq,
    });
    return;
  }
  if (!state.lossy && state.clientCookie === 0n) state.clientCookie = host.cookie();
  link.send({
    kind: 'clientIdent',
    addrs,
    target: connection.target!.addr,
    gid: host.number,
    globalSeq,
    supported: DEFAULT_FEATURES,
    required: FEATURES_REQUIRED,
    flags: state.lossy ? IDENT_LOSSY : 0n,
    cookie: state.lossy ? 0n : state.clientCookie,
  });
}

/** What the acceptor answered. @throws ProtocolError when it is no answer */
export function onAnswer(
  host: SessionHost,
  link: Link,
  connection: PeerConnection,
  frame: ControlFrame,
): void {
  const { state } = connection;
  switch (frame.kind) {
    case 'serverIdent':
      onServerIdent(host, link, connection, frame);
      return;
    case 'identMissingFeatures':
      link.drop(
        new CephError('EOPNOTSUPP', `peer requires features 0x${frame.missing.toString(16)}`),
      );
      return;
    case 'sessionReset':
      if (frame.full !== 0) host.forgotten(connection);
      else {
        state.serverCookie = 0n;
        state.restart();
      }
      break;
    case 'sessionRetry':
      state.connectSeq = Math.max(state.connectSeq, frame.seq);
      break;
    case 'sessionRetryGlobal':
      host.globalSeq = Math.max(host.globalSeq, frame.seq);
      break;
    case 'sessionReconnectOk':
      state.resume(frame.seq);
      host.opened(link, connection);
      return;
    case 'wait':
      host.stepBack(connection);
      return;
    default:
      throw new ProtocolError(`${frame.kind} while asking for a session`);
  }
  if (!link.dead) askSession(host, link, connection);
}

function onServerIdent(
  host: SessionHost,
  link: Link,
  connection: PeerConnection,
  frame: Frame<'serverIdent'>,
): void {
  const target = connection.target!;
  if (!frame.addrs.some((a) => sameAddr(a, target.addr))) {
    throw new ProtocolError(`dialled another daemon: ${formatAddrVec(frame.addrs)}`);
  }
  const missing = frame.required & ~DEFAULT_FEATURES;
  if (missing !== 0n) throw new ProtocolError(`peer requires 0x${missing.toString(16)}`);
  const { state } = connection;
  state.lossy ||= (frame.flags & IDENT_LOSSY) !== 0n;
  state.peerAddrs = frame.addrs;
  state.serverCookie = state.lossy ? 0n : frame.cookie;
  state.peerGlobalSeq = frame.globalSeq;
  state.restart();
  connection.peer = { type: target.type, num: frame.gid };
  connection.features = frame.supported & DEFAULT_FEATURES;
  host.opened(link, connection);
}
