import { CephError } from '../../errors/index.ts';

const EVERY_MS = 200;

/**
 * What a long run tells: how far it is, on one line of the terminal, if standard error is one; and whether Ctrl-C was
 * pressed, so that it can end where nothing is half done.
 */
export class Progress {
  isCancelled = false;
  private lastMs = 0;
  private isShown = false;
  private readonly onSignal = () => {
    // The second time the process just ends: the store survives that as well.
    if (this.isCancelled) process.exit(130);
    this.isCancelled = true;
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  show(text: () => string): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.lastMs < EVERY_MS) return;
    this.lastMs = now;
    this.isShown = true;
    process.stderr.write(`\r\x1b[K${text()}`);
  }

  /** @throws CephError EINTR */
  check(): void {
    if (this.isCancelled) throw new CephError('EINTR', 'interrupted');
  }

  done(): void {
    if (this.isShown) process.stderr.write('\r\x1b[K');
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }
}

export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
