import { CephError } from '../errors/index.ts';
import type { EntityAddr } from '../wire/index.ts';
import type { Messenger } from './messenger.ts';

/** Where to listen: at the first free port from `min` to `max`; 0 to 0 lets the system choose. */
export interface ListenPlace {
  readonly host: string;
  readonly min: number;
  readonly max: number;
}

/** Source: Processor::bind of src/msg/async/AsyncMessenger.cc, 16.2. @throws CephError EADDRINUSE when none is free */
export async function listenWithin(
  messenger: Messenger,
  { host, min, max }: ListenPlace,
  nonce: number,
): Promise<EntityAddr> {
  for (let port = min; port <= max; port++) {
    try {
      return await messenger.listen({ host, port, nonce });
    } catch (e) {
      if (!(e instanceof CephError) || e.code !== 'EADDRINUSE' || min === max) throw e;
    }
  }
  throw new CephError('EADDRINUSE', `no port from ${min} to ${max} is free at ${host}`);
}
