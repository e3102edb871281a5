import {
  AUTH_METHOD,
  AUTH_MODE,
  CONNECTION_MODE,
  decodeNoneRequest,
  encodeNoneRequest,
  SIGNATURE_NONE,
} from '../auth/index.ts';
import { CephError, ERRNO } from '../errors/index.ts';
import { type AuthName, ENTITY, type EntityAddr } from '../wire/index.ts';
import type { ControlFrame } from './control.ts';
import { BANNER_REVISION_1, ProtocolError } from './format.ts';
import type { AuthDecision, AuthRequest } from './options.ts';

/** A client may try a few methods before it finds the one we speak. */
const REFUSALS_MAX = 8;

/** Who the peer is, once both signatures are exchanged. */
export interface AuthedPeer {
  readonly type: number;
  readonly name: AuthName | undefined;
  readonly globalId: number;
}

/** What this side says of itself, and for a connector whom it wants to reach. */
export interface AuthSetup {
  readonly role: 'connector' | 'acceptor';
  readonly ownType: number;
  readonly authName: AuthName;
  readonly globalId: number;
  /** The address at which we see the peer: dialled, or where its socket comes from. */
  readonly peerSocketAddr: EntityAddr;
  /** Connector: the type it wants to reach. */
  readonly targetType?: number;
}

/** First part of the handshake, the same for every socket: banner, HELLO, authentication, signatures. */
export type AuthState =
  | { readonly at: 'banner' }
  | { readonly at: 'hello' }
  | { readonly at: 'auth'; readonly peerType: number; readonly refusals: number }
  | { readonly at: 'signature'; readonly peer: AuthedPeer }
  | { readonly at: 'done'; readonly peer: AuthedPeer };

export type AuthInput =
  | { readonly kind: 'banner'; readonly supported: bigint; readonly required: bigint }
  | { readonly kind: 'frame'; readonly frame: ControlFrame }
  /** The answer to a `decide` effect. */
  | { readonly kind: 'decision'; readonly request: AuthRequest; readonly decision: AuthDecision };

export type AuthEffect =
  | { readonly kind: 'send'; readonly frame: ControlFrame }
  /** Ask whether this peer may enter, and feed the decision back before any other input. */
  | { readonly kind: 'decide'; readonly request: AuthRequest }
  /** A mon gave us this global id. */
  | { readonly kind: 'globalId'; readonly globalId: number }
  /** The peer sees us at this address. */
  | { readonly kind: 'seenAt'; readonly addr: EntityAddr }
  /** The peer will not let us in; the socket is of no more use. */
  | { readonly kind: 'refused'; readonly error: CephError };

export interface AuthStep {
  readonly next: AuthState;
  readonly effects: readonly AuthEffect[];
}

/** One transition. Pure. @throws DecodeError when the peer breaks the protocol */
export function stepAuth(setup: AuthSetup, state: AuthState, input: AuthInput): AuthStep {
  switch (state.at) {
    case 'banner':
      return onBanner(setup, input);
    case 'hello':
      return onHello(setup, input);
    case 'auth':
      return setup.role === 'connector'
        ? connectorAuth(setup, state.peerType, input)
        : acceptorAuth(setup, state, input);
    case 'signature':
      return onSignature(state.peer, input);
    case 'done':
      return outOfTurn(input, 'after authentication');
  }
}

function onBanner(setup: AuthSetup, input: AuthInput): AuthStep {
  if (input.kind !== 'banner') return outOfTurn(input, 'before the banner');
  if ((input.required & ~BANNER_REVISION_1) !== 0n) {
    throw new ProtocolError(`banner requires features 0x${input.required.toString(16)}`);
  }
  if ((input.supported & BANNER_REVISION_1) === 0n) {
    throw new ProtocolError('peer speaks only msgr2.0');
  }
  const hello = { kind: 'hello', type: setup.ownType, peerAddr: setup.peerSocketAddr } as const;
  return { next: { at: 'hello' }, effects: [{ kind: 'send', frame: hello }] };
}

function onHello(setup: AuthSetup, input: AuthInput): AuthStep {
  if (input.kind !== 'frame' || input.frame.kind !== 'hello') {
    return outOfTurn(input, 'instead of HELLO');
  }
  const hello = input.frame;
  const next = { at: 'auth', peerType: hello.type, refusals: 0 } as const;
  if (setup.role === 'acceptor') return { next, effects: [] };
  if (hello.type !== setup.targetType) {
    throw new ProtocolError(`dialled type ${setup.targetType}, found ${hello.type}`);
  }
  const toMon = hello.type === ENTITY.mon;
  const payload = encodeNoneRequest({
    mode: toMon ? AUTH_MODE.mon : AUTH_MODE.authorizer,
    name: setup.authName,
    globalId: setup.globalId,
  });
  const request: ControlFrame = {
    kind: 'authRequest',
    method: AUTH_METHOD.none,
    modes: [CONNECTION_MODE.crc],
    payload,
  };
  return {
    next,
    effects: [
      { kind: 'seenAt', addr: hello.peerAddr },
      { kind: 'send', frame: request },
    ],
  };
}

function connectorAuth(setup: AuthSetup, peerType: number, input: AuthInput): AuthStep {
  if (input.kind !== 'frame') return outOfTurn(input, 'during authentication');
  const frame = input.frame;
  switch (frame.kind) {
    case 'authDone': {
      if (frame.mode !== CONNECTION_MODE.crc) {
        throw new ProtocolError(`connection mode ${frame.mode} was not offered`);
      }
      const peer = { type: peerType, name: undefined, globalId: 0 };
      const effects: AuthEffect[] = [];
      if (peerType === ENTITY.mon && frame.globalId > 0) {
        effects.push({ kind: 'globalId', globalId: frame.globalId });
      }
      effects.push(SEND_SIGNATURE);
      return { next: { at: 'signature', peer }, effects };
    }
    case 'authBadMethod': {
      // Method none is all we offer, so there is no second choice to make.
      const error = new CephError(
        frame.result < 0 ? frame.result : ERRNO.EACCES,
        `peer refuses auth method ${frame.method}, allows ${frame.methods.join(',')}`,
      );
      return {
        next: { at: 'auth', peerType, refusals: 1 },
        effects: [{ kind: 'refused', error }],
      };
    }
    default:
      // AUTH_REPLY_MORE belongs to cephx: method none has no second round.
      return outOfTurn(input, `from ${setup.targetType} during authentication`);
  }
}

type AuthPhase = Extract<AuthState, { at: 'auth' }>;

function acceptorAuth(setup: AuthSetup, state: AuthPhase, input: AuthInput): AuthStep {
  if (input.kind === 'decision') {
    const { request, decision } = input;
    if (!decision.ok) return refuse(state, AUTH_METHOD.none, -decision.error.errno);
    const peer = { type: state.peerType, name: request.name, globalId: decision.globalId };
    const done = {
      kind: 'authDone',
      globalId: decision.globalId,
      mode: CONNECTION_MODE.crc,
      payload: Buffer.alloc(0),
    } as const;
    return {
      next: { at: 'signature', peer },
      effects: [{ kind: 'send', frame: done }, SEND_SIGNATURE],
    };
  }
  if (input.kind !== 'frame' || input.frame.kind !== 'authRequest') {
    return outOfTurn(input, 'during authentication');
  }
  const frame = input.frame;
  switch (frame.method) {
    case AUTH_METHOD.none: {
      // Secure mode needs a session key, which method none has not.
      if (!frame.modes.includes(CONNECTION_MODE.crc)) {
        return refuse(state, frame.method, -ERRNO.EOPNOTSUPP);
      }
      const { name, globalId } = decodeNoneRequest(frame.payload);
      const request: AuthRequest = {
        peerType: state.peerType,
        name,
        globalId,
        socketAddr: setup.peerSocketAddr,
      };
      return { next: state, effects: [{ kind: 'decide', request }] };
    }
    case AUTH_METHOD.cephx:
      // Its challenge (AUTH_REPLY_MORE, AUTH_REQUEST_MORE) and secure mode belong here; this side has no keys.
      return refuse(state, frame.method, -ERRNO.EOPNOTSUPP);
    default:
      return refuse(state, frame.method, -ERRNO.EOPNOTSUPP);
  }
}

function refuse(state: AuthPhase, method: number, result: number): AuthStep {
  if (state.refusals >= REFUSALS_MAX) throw new ProtocolError('too many refused auth requests');
  const frame: ControlFrame = {
    kind: 'authBadMethod',
    method,
    result,
    methods: [AUTH_METHOD.none],
    modes: [CONNECTION_MODE.crc],
  };
  return {
    next: { ...state, refusals: state.refusals + 1 },
    effects: [{ kind: 'send', frame }],
  };
}

const SEND_SIGNATURE: AuthEffect = {
  kind: 'send',
  frame: { kind: 'authSignature', signature: SIGNATURE_NONE },
};

function onSignature(peer: AuthedPeer, input: AuthInput): AuthStep {
  if (input.kind !== 'frame' || input.frame.kind !== 'authSignature') {
    return outOfTurn(input, 'instead of AUTH_SIGNATURE');
  }
  if (!SIGNATURE_NONE.equals(input.frame.signature)) {
    throw new ProtocolError('a signature without a session key');
  }
  return { next: { at: 'done', peer }, effects: [] };
}

function outOfTurn(input: AuthInput, where: string): never {
  const what = input.kind === 'frame' ? input.frame.kind : input.kind;
  throw new ProtocolError(`${what} ${where}`);
}
