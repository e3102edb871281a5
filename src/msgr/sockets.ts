import { CephError } from '../errors/index.ts';
import type { BufferPool, Runtime, Timer } from '../runtime/index.ts';
import type { PeerLink } from './connection.ts';
import { watch } from './liveness.ts';
import type { MessengerTimes } from './options.ts';

const TICK_MAX_MS = 1000;

/** All sockets of a messenger: a bound on how many others may open, and the watch over those that fall silent. */
export class Sockets {
  private readonly runtime: Runtime;
  private readonly pool: BufferPool;
  private readonly times: MessengerTimes;
  private readonly acceptedMax: number;
  private readonly tickMs: number;
  private readonly links = new Set<PeerLink>();
  private accepted = 0;
  /** It was said that there are too many. */
  private full = false;
  private closed = false;
  private ticker: Timer | undefined;

  /**
   * @param pool of buffers, aged while there are sockets
   * @param acceptedMax those that others opened, at once
   */
  constructor(runtime: Runtime, pool: BufferPool, times: MessengerTimes, acceptedMax: number) {
    this.runtime = runtime;
    this.pool = pool;
    this.times = times;
    this.acceptedMax = acceptedMax;
    const { handshakeMs, keepaliveMs, keepaliveTimeoutMs, idleMs } = times;
    const shortest = Math.min(handshakeMs, keepaliveMs || handshakeMs, keepaliveTimeoutMs, idleMs);
    this.tickMs = Math.min(TICK_MAX_MS, Math.max(10, shortest / 4));
  }

  /** @returns false when this one is one too many; a dialled one never is */
  add(link: PeerLink): boolean {
    if (this.closed) return false;
    if (!link.dialled) {
      if (this.accepted >= this.acceptedMax) {
        this.sayFull();
        return false;
      }
      this.accepted++;
    }
    this.links.add(link);
    this.ticker ??= this.runtime.clock.setTimer(this.tickMs, this.tick);
    return true;
  }

  /** It is gone, or nobody's any more. */
  remove(link: PeerLink): void {
    if (!this.links.delete(link) || link.dialled) return;
    this.accepted--;
    this.full = false;
  }

  /** Ends all of them, and takes no more. */
  close(): void {
    this.closed = true;
    this.ticker?.cancel();
    this.ticker = undefined;
    for (const link of this.links) link.discard();
    this.links.clear();
  }

  /** One line when the bound is reached, not one per refused socket. */
  private sayFull(): void {
    if (this.full) return;
    this.full = true;
    this.runtime.log('warn', 'too many connections', { max: this.acceptedMax });
  }

  private readonly tick = (): void => {
    this.ticker = undefined;
    const now = this.runtime.clock.monotonicMs();
    for (const link of [...this.links]) this.check(link, now);
    this.pool.age(now);
    if (this.links.size > 0) this.ticker = this.runtime.clock.setTimer(this.tickMs, this.tick);
  };

  private check(link: PeerLink, nowMs: number): void {
    switch (watch(link, nowMs, this.times)) {
      case 'fine':
        return;
      case 'handshakeTimeout':
        if (!link.dialled) link.cut('handshake timed out');
        else link.drop(new CephError('ETIMEDOUT', 'handshake timed out'));
        return;
      case 'idle':
        link.drop(new CephError('ETIMEDOUT', 'idle'));
        return;
      case 'silent':
        link.cut(`silent for ${Math.round(nowMs - link.lastReceivedMs)} ms`);
        return;
      case 'keepalive':
        link.keepalive(nowMs);
    }
  }
}
