import type { Runtime } from '../runtime/index.ts';
import { MessengerDriver } from './driver.ts';
import type { Messenger } from './messenger.ts';
import type { MessengerOptions } from './options.ts';

/** Builds a messenger on a runtime's network. It listens and dials only when told to. */
export function createMessenger(runtime: Runtime, options: MessengerOptions): Messenger {
  return new MessengerDriver(runtime, options);
}
