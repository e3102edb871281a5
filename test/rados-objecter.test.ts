import { expect, it } from 'vitest';
import type { Connection, Messenger, OutgoingMessage } from '../src/msgr/index.ts';
import type { MonClient } from '../src/rados/mon-client.ts';
import { Objecter } from '../src/rados/objecter/objecter.ts';
import type { Target } from '../src/rados/objecter/placement.ts';
import { WriteOp } from '../src/rados/write-op.ts';
import { builtMap, FSID } from './support/built-osdmap.ts';
import { SimWorld } from './support/sim-network.ts';

const target: Target = { pool: 1, namespace: '', name: 'o', key: '', pgHash: undefined };
const map = builtMap();

/** A client of a cluster of which it has one map, and nobody ever answers it. */
class Client {
  readonly world = new SimWorld(1);
  /** Tids in the order of sending, whatever connection they went to. */
  readonly sent: number[] = [];
  readonly connections: Connection[] = [];
  readonly objecter: Objecter;

  constructor() {
    const messenger = { connect: () => this.connection() } as unknown as Messenger;
    const mon = { subscribeOsdMap: () => {}, gotOsdMap: () => {} } as unknown as MonClient;
    this.objecter = new Objecter(this.world.runtime(), messenger, mon);
    mon.onOsdMap({
      ...{ fsid: FSID, incrementals: [], maps: [[map.epoch, map.encode()]] },
      ...{ oldestMap: map.epoch, newestMap: map.epoch, gapRemovedSnaps: new Map() },
    });
  }

  write(): void {
    const { steps } = new WriteOp().writeFull('x');
    this.objecter.submit(target, steps, 'write').catch(() => {});
  }

  private connection(): Connection {
    const send = (m: OutgoingMessage): void => void this.sent.push(m.tid!);
    const made = { send, close: () => {}, session: undefined } as unknown as Connection;
    this.connections.push(made);
    return made;
  }
}

it('a request does not overtake one to the same object whose connection broke', async () => {
  const client = new Client();
  client.write();
  client.objecter.onReset(client.connections[0]!);
  client.write();
  await client.world.run(2000, () => client.sent.length > 2);
  expect(client.sent).toEqual([1, 1, 2]);
  client.write();
  expect(client.sent).toEqual([1, 1, 2, 3]);
  client.objecter.close();
});
