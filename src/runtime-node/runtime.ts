import type { Logger, Runtime } from '../runtime/index.ts';
import { systemClock } from './clock.ts';
import { nativeCrc32c } from './crc32c.ts';
import { systemRandom } from './random.ts';
import { tcpNetwork } from './tcp.ts';

/** The real world, as daemons and clients are given it. */
export function nodeRuntime(options: { log: Logger }): Runtime {
  return {
    clock: systemClock,
    random: systemRandom,
    network: tcpNetwork,
    log: options.log,
    crc32c: nativeCrc32c,
  };
}
