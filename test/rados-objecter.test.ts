import { expect, it } from 'vitest';
import type { OSDMap } from '../src/maps/index.ts';
import type { Connection, Messenger, OutgoingMessage } from '../src/msgr/index.ts';
import type { MonClient } from '../src/rados/mon-client.ts';
import { Objecter } from '../src/rados/objecter/objecter.ts';
import type { Target } from '../src/rados/objecter/placement.ts';
import { WriteOp } from '../src/rados/write-op.ts';
import { builtMap, FSID, nextMap } from './support/built-osdmap.ts';
import { SimWorld } from './support/sim-network.ts';

const target: Target = { pool: 1, namespace: '', name: 'o', key: '', pgHash: undefined };
const map = builtMap();

/** A client of a cluster of which it has one map, and nobody ever answers it. */
class Client {
  readonly world = new SimWorld(1);
  /** Tids in the order of sending, whatever connection they went to. */
  readonly sent: number[] = [];
  readonly connections: Connection[] = [];
  /** What the monitor was asked for, from which epoch on. */
  readonly asked: number[] = [];
  readonly objecter: Objecter;
  private readonly mon: MonClient;

  constructor() {
    const messenger = { connect: () => this.connection() } as unknown as Messenger;
    const subscribeOsdMap = (start: number): void => void this.asked.push(start);
    this.mon = { subscribeOsdMap, gotOsdMap: () => {} } as unknown as MonClient;
    this.objecter = new Objecter(this.world.runtime(), messenger, this.mon);
    this.receive(map);
  }

  receive(newest: OSDMap): void {
    const { epoch } = newest;
    this.mon.onOsdMap({
      ...{ fsid: FSID, incrementals: [], maps: [[epoch, newest.encode()]] },
      ...{ oldestMap: epoch, newestMap: epoch, gapRemovedSnaps: new Map() },
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

it('asks on while the map that came is older than the one that is waited for', async () => {
  const client = new Client();
  const next = nextMap(map, {});
  const waiting = client.objecter.waitForMap(map.epoch + 2);
  client.receive(next);
  expect(client.asked).toEqual([map.epoch + 1, map.epoch + 2]);
  client.receive(nextMap(next, {}));
  await waiting;
  expect(client.asked).toEqual([map.epoch + 1, map.epoch + 2]);
});

it('does not wait for a map with a signal that is aborted', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  const waiting = new Client().objecter.waitForMap(map.epoch + 1, { signal, timeoutMs: 1 });
  await expect(waiting).rejects.toThrow('enough');
});
