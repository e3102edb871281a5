import type { MessengerTimes } from './options.ts';

/** What the watch over sockets looks at. Times are of the monotonic clock. */
export interface Watched {
  readonly dialled: boolean;
  readonly lossy: boolean;
  readonly open: boolean;
  readonly paused: boolean;
  readonly startedMs: number;
  readonly lastReceivedMs: number;
  readonly lastMessageMs: number;
  readonly keepaliveSentMs: number;
}

export type Verdict = 'fine' | 'handshakeTimeout' | 'idle' | 'silent' | 'keepalive';

/** What is to be done about one socket now. Pure. */
export function watch(s: Watched, nowMs: number, times: MessengerTimes): Verdict {
  if (!s.open) return nowMs - s.startedMs >= times.handshakeMs ? 'handshakeTimeout' : 'fine';
  if (s.paused) return 'fine'; // it is we who do not read
  // Keepalives show that a lossy peer is still there; a lossless session can do without its socket meanwhile.
  const idleSinceMs = s.lossy ? s.lastReceivedMs : s.lastMessageMs;
  if (nowMs - idleSinceMs >= times.idleMs) return 'idle';
  if (!s.dialled || times.keepaliveMs === 0) return 'fine';
  const silentMs = nowMs - s.lastReceivedMs;
  if (silentMs >= times.keepaliveTimeoutMs) return 'silent';
  const due = silentMs >= times.keepaliveMs && nowMs - s.keepaliveSentMs >= times.keepaliveMs;
  return due ? 'keepalive' : 'fine';
}
