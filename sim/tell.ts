import { createMessenger } from '../src/msgr/index.ts';
import type { Runtime } from '../src/runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  MCommand,
  MCommandReply,
  outgoing,
} from '../src/wire/index.ts';

/** Asks a daemon itself, as `ceph tell` does. @returns what it answers, parsed */
export async function tellDaemon(
  runtime: Runtime,
  fsid: string,
  addr: EntityAddr,
  prefix: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  let answered: (output: unknown) => void = () => {};
  let failed: (e: Error) => void = () => {};
  const answer = new Promise<unknown>((resolve, reject) => {
    answered = resolve;
    failed = reject;
  });
  const messenger = createMessenger(runtime, {
    name: { type: ENTITY.client, num: -1 },
    authName: { type: ENTITY.client, id: 'admin' },
    dispatcher: {
      onMessage: (_, m) => {
        if (m.type !== MCommandReply.type) return;
        const { result, status } = decodeFront(MCommandReply, m);
        if (result < 0) failed(new Error(`${prefix}: ${status}`));
        else answered(JSON.parse(m.data.toString('utf8')));
      },
      onReset: () => failed(new Error(`${prefix}: the session is gone`)),
    },
  });
  const connection = messenger.connect({ type: ENTITY.osd, addrs: [addr] });
  connection.send(outgoing(MCommand, { fsid, cmd: [JSON.stringify({ prefix, ...args })] }));
  try {
    return await answer;
  } finally {
    await messenger.shutdown();
  }
}
