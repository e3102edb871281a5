import { DecodeError } from '../errors/index.ts';

// Frame layout in crc mode: fact sheet §2.1 to §2.3; src/msg/async/frames_v2.h of Ceph 16.2.

/** Frame tags. */
export const TAG = {
  hello: 1,
  authRequest: 2,
  authBadMethod: 3,
  authReplyMore: 4,
  authRequestMore: 5,
  authDone: 6,
  authSignature: 7,
  clientIdent: 8,
  serverIdent: 9,
  identMissingFeatures: 10,
  sessionReconnect: 11,
  sessionReset: 12,
  sessionRetry: 13,
  sessionRetryGlobal: 14,
  sessionReconnectOk: 15,
  wait: 16,
  message: 17,
  keepalive: 18,
  keepaliveAck: 19,
  ack: 20,
} as const;
export const TAG_MAX = 20;

export const BANNER_BYTES = 26;
/** "ceph v2\n" and the length of what follows: features supported, features required. */
export const BANNER_START: Buffer = Buffer.from('ceph v2\n\x10\0', 'latin1');
/** Banner bit 0: msgr2.1, the only revision spoken here. */
export const BANNER_REVISION_1 = 1n;

export const PREAMBLE_BYTES = 32;
export const EPILOGUE_BYTES = 13;
export const MESSAGE_HEADER_BYTES = 41;
/** Control frames hold a few addresses or a ticket; nothing needs more. */
export const CONTROL_BYTES_MAX = 64 << 10;
export const LATE_COMPLETE = 0x0e;
export const LATE_ABORTED = 0x01;
export const CRC_SEED = 0xffff_ffff;

/** Bytes that break the messenger's protocol: the socket is cut, the daemon lives. */
export class ProtocolError extends DecodeError {
  constructor(reason: string) {
    super(reason, 0, 'msgr');
    this.name = 'ProtocolError';
  }
}
