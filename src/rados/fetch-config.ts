import { createMessenger } from '../msgr/index.ts';
import type { Runtime } from '../runtime/index.ts';
import { type AuthName, ENTITY, type EntityAddr } from '../wire/index.ts';
import { type CallOptions, Pending } from './abort.ts';
import { MonClient } from './mon-client.ts';

/**
 * What the monitor has in its configuration for an entity that does not listen anywhere yet, since that may say where.
 * Waits for a monitor for as long as it takes. Source: MonClient::get_monmap_and_config, src/mon/MonClient.cc, 16.2.
 * @throws CephError ETIMEDOUT with `timeoutMs`
 */
export async function fetchConfig(
  runtime: Runtime,
  { monAddrs, name }: { readonly monAddrs: readonly EntityAddr[]; readonly name: AuthName },
  call?: CallOptions,
): Promise<ReadonlyMap<string, string>> {
  const answer = new Pending<ReadonlyMap<string, string>>(runtime.clock, call, 'config', () => {});
  const messenger = createMessenger(runtime, {
    name: { type: ENTITY.client, num: -1 },
    authName: name,
    dispatcher: {
      onReady: (c) => mon.onReady(c),
      onMessage: (_, m) => mon.onMessage(m),
      onReset: () => mon.onReset(),
    },
  });
  const mon = new MonClient(runtime, messenger, monAddrs);
  mon.onConfig = (config) => answer.resolve(config);
  mon.open();
  try {
    return await answer.promise;
  } finally {
    mon.close();
    await messenger.shutdown();
  }
}
