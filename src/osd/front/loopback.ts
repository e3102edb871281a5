import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';

const EMPTY = Buffer.alloc(0);

/** What we say to ourselves, as it would come in by a session. */
export function looped(message: OutgoingMessage): IncomingMessage {
  const data = Buffer.concat(message.data ?? []);
  message.done?.();
  return {
    type: message.type,
    version: message.version,
    compatVersion: message.compatVersion,
    tid: message.tid ?? 0,
    seq: 0,
    priority: 0,
    front: Buffer.from(message.front),
    middle: EMPTY,
    data,
    dataCrcs: undefined,
    isLarge: false,
    hold: () => {},
    release: () => {},
    recycle: () => {},
  };
}
