import {
  bytes,
  type Codec,
  Decoder,
  encodeToBytes,
  fixedBytes,
  s32,
  struct,
  u8,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
} from '../codec/index.ts';
import { EntityAddr, EntityAddrVec, id64, UTime } from '../wire/index.ts';
import { ProtocolError, TAG } from './format.ts';

// Payloads of control frames: fact sheet §2.3; src/msg/async/frames_v2.h of Ceph 16.2.

const seqOnly = (name: string) => struct(name, { seq: u53 });

/** What both sides say of themselves. */
const IDENT = {
  gid: id64,
  globalSeq: u53,
  supported: u64,
  required: u64,
  flags: u64,
  cookie: u64,
} as const;

/** Every control frame's payload. Sequence numbers count up from 0 and stay below 2^53. */
const CONTROL = {
  hello: struct('HELLO', { type: u8, peerAddr: EntityAddr }),
  authRequest: struct('AUTH_REQUEST', { method: u32, modes: vec(u32), payload: bytes }),
  authBadMethod: struct('AUTH_BAD_METHOD', {
    method: u32,
    result: s32,
    methods: vec(u32),
    modes: vec(u32),
  }),
  authReplyMore: struct('AUTH_REPLY_MORE', { payload: bytes }),
  authRequestMore: struct('AUTH_REQUEST_MORE', { payload: bytes }),
  authDone: struct('AUTH_DONE', { globalId: u53, mode: u32, payload: bytes }),
  authSignature: struct('AUTH_SIGNATURE', { signature: fixedBytes(32) }),
  clientIdent: struct('CLIENT_IDENT', { addrs: EntityAddrVec, target: EntityAddr, ...IDENT }),
  serverIdent: struct('SERVER_IDENT', { addrs: EntityAddrVec, ...IDENT }),
  identMissingFeatures: struct('IDENT_MISSING_FEATURES', { missing: u64 }),
  sessionReconnect: struct('SESSION_RECONNECT', {
    addrs: EntityAddrVec,
    clientCookie: u64,
    serverCookie: u64,
    globalSeq: u53,
    connectSeq: u53,
    messageSeq: u53,
  }),
  sessionReset: struct('SESSION_RESET', { full: u8 }),
  sessionRetry: seqOnly('SESSION_RETRY'),
  sessionRetryGlobal: seqOnly('SESSION_RETRY_GLOBAL'),
  sessionReconnectOk: seqOnly('SESSION_RECONNECT_OK'),
  wait: struct('WAIT', {}),
  keepalive: struct('KEEPALIVE2', { stamp: UTime }),
  keepaliveAck: struct('KEEPALIVE2_ACK', { stamp: UTime }),
  ack: seqOnly('ACK'),
};
type ControlKind = keyof typeof CONTROL;
/** A decoded control frame: its kind beside its fields. */
export type ControlFrame = {
  [K in ControlKind]: { readonly kind: K } & ValueOf<(typeof CONTROL)[K]>;
}[ControlKind];

/** Flag bit of the idents: the session does not outlive its socket. */
export const IDENT_LOSSY = 1n;

const kindOfTag = new Map<number, ControlKind>();
for (const [name, tag] of Object.entries(TAG)) {
  if (name !== 'message') kindOfTag.set(tag, name as ControlKind);
}

/** @throws DecodeError; what a newer peer appended is ignored */
export function decodeControl(tag: number, payload: Buffer): ControlFrame {
  const kind = kindOfTag.get(tag);
  if (kind === undefined) throw new ProtocolError(`frame tag ${tag} where a control frame belongs`);
  const codec: Codec<object> = CONTROL[kind];
  return { kind, ...codec.decode(new Decoder(payload)) } as ControlFrame;
}

/** The payload to send with `TAG[frame.kind]`. */
export function encodeControl(frame: ControlFrame): Buffer {
  return encodeToBytes(CONTROL[frame.kind] as Codec<ControlFrame>, frame);
}
