import { CephError } from '../errors/index.ts';
import type { Clock } from '../runtime/index.ts';

/** How long a caller is willing to wait. Both may be given; the first to come ends the call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds; the call rejects with CephError ETIMEDOUT. Default: the connection's, or none. */
  readonly timeoutMs?: number;
}

/**
 * A promise that its owner settles, ends early with the caller's signal or timeout, and then tells its owner through
 * `abandon` so that nothing is kept for it.
 */
export class Pending<T> {
  readonly promise: Promise<T>;
  settled = false;
  private succeed!: (value: T) => void;
  private fail!: (error: unknown) => void;
  private cleanUp: (() => void) | undefined;

  constructor(clock: Clock, options: CallOptions | undefined, what: string, abandon: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
    const signal = options?.signal;
    const timeoutMs = options?.timeoutMs;
    if (!signal && timeoutMs === undefined) return;
    const give = (error: unknown): void => {
      if (this.settled) return;
      abandon();
      this.reject(error);
    };
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.setTimer(timeoutMs, () =>
            give(new CephError('ETIMEDOUT', `${what} took longer than ${timeoutMs} ms`)),
          );
    const aborted = (): void => give(signal!.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    this.cleanUp = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', aborted);
    };
  }

  resolve(value: T): void {
    if (this.settle()) this.succeed(value);
  }

  reject(error: unknown): void {
    if (this.settle()) this.fail(error);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.cleanUp?.();
    return true;
  }
}
