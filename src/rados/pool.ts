import { Decoder, Encoder, textOf } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import {
  argsBytes,
  compareHObject,
  HOBJECT_MIN,
  HObject,
  type MessageOf,
  type MGetPoolStatsReply,
  OSD_OP,
} from '../wire/index.ts';
import type { CallOptions } from './abort.ts';
import type { MonClient } from './mon-client.ts';
import { RadosObject, targetOf } from './object.ts';
import type { Objecter } from './objecter/objecter.ts';
import { type Name, nameBytes } from './op-step.ts';

/** Figures of a pool as the monitor last summed them up. */
export type PoolStats =
  MessageOf<typeof MGetPoolStatsReply>['poolStats'] extends Map<string, infer S> ? S : never;

/** One entry of a listing. */
export interface ListedObject {
  /** As text; bytes that are not UTF-8 become U+FFFD. `rawName` is exact, and `Pool.object` takes it. */
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly namespace: string;
  /** Locator key, '' when none was set. */
  readonly key: string;
}

/** Listing of all namespaces. Source: librados::all_nspaces. */
export const ALL_NAMESPACES = '\x01';
const PAGE = 1024;

/** A pool seen through one namespace; '' is the default one. */
export class Pool {
  readonly id: number;
  readonly name: string;
  readonly namespace: string;
  private readonly objecter: Objecter;
  private readonly mon: MonClient;

  constructor(objecter: Objecter, mon: MonClient, id: number, name: string, namespace: string) {
    this.objecter = objecter;
    this.mon = mon;
    this.id = id;
    this.name = name;
    this.namespace = namespace;
  }

  /** The same pool through another namespace. */
  in(namespace: Name): Pool {
    return new Pool(this.objecter, this.mon, this.id, this.name, nameBytes(namespace));
  }

  /** @param options.key locator key: objects with one key are stored together */
  object(name: Name, options?: { key?: Name }): RadosObject {
    return new RadosObject(
      this.objecter,
      targetOf(this.id, this.namespace, name, options?.key),
      name,
    );
  }

  /**
   * Every object once, in Ceph's order, fetched in pages. Objects written or removed meanwhile may or may not appear.
   * Give `namespace: ALL_NAMESPACES` to see all.
   */
  async *objects(options?: CallOptions & { namespace?: Name }): AsyncGenerator<ListedObject> {
    const given = options?.namespace;
    const namespace = given === undefined ? this.namespace : nameBytes(given);
    let cursor: HObject = HOBJECT_MIN;
    while (!cursor.max) {
      const { next, entries } = await this.listPage(namespace, cursor, options);
      yield* entries;
      if (compareHObject(next, cursor) <= 0) {
        throw new CephError('EPROTO', `listing of pool '${this.name}' does not advance`);
      }
      cursor = next;
    }
  }

  private async listPage(
    namespace: string,
    cursor: HObject,
    options?: CallOptions,
  ): Promise<{ next: HObject; entries: ListedObject[] }> {
    const map = this.objecter.map!;
    if (!map.pool(this.id)) throw new CephError('ENOENT', `pool '${this.name}' does not exist`);
    const target = { pool: this.id, namespace, name: '', key: '', pgHash: cursor.hash };
    const input = new Encoder();
    HObject.encode(input, cursor);
    const data = input.finish();
    const args = argsBytes('pgls', { count: PAGE, startEpoch: map.data.epoch });
    const step = { code: OSD_OP.PGNLS, flags: 0, args, data: [data], dataLength: data.length };
    const reply = await this.objecter.submit(target, [step], 'list', options);
    const d = new Decoder(reply.outputs[0]!);
    d.take(6);
    const next = HObject.decode(d);
    const entries: ListedObject[] = [];
    for (let n = d.length(); n > 0; n--) {
      const ns = d.byteString();
      const rawName = d.bytes();
      entries.push({
        name: rawName.toString('utf8'),
        rawName,
        namespace: textOf(ns),
        key: textOf(d.byteString()),
      });
    }
    return { next, entries };
  }

  async stats(options?: CallOptions): Promise<PoolStats> {
    const reply = await this.mon.poolStats([this.name], options);
    const mine = reply.poolStats.get(this.name);
    if (!mine) throw new CephError('ENOENT', `pool '${this.name}' does not exist`);
    return mine;
  }
}
