import { byteStringOf, decodeAll, encodeToBytes, textOf } from '../codec/index.ts';
import { type ConfigSetting, compareSettings } from '../config/index.ts';
import { CephError } from '../errors/index.ts';
import { MonMap, OSDMap } from '../maps/index.ts';
import type { KeyValue, KeyValueOp } from '../runtime/index.ts';
import { type ClusterMaps, jsonBytes, mutesByCode, numberBytes } from './cluster-maps.ts';
import { KEYS, rangeOf } from './keys.ts';
import type { ConfigKeys, HealthMute } from './state.ts';

/** What never changes in a store. */
export interface ClusterIdentity {
  readonly format: 1;
  readonly fsid: string;
  readonly createdMs: number;
  /** This monitor's name. */
  readonly name: string;
}

/** Epochs removed by one trim, so that a commit stays small. */
const TRIM_MAX = 500;

/**
 * The monitor's state on a key/value store: each commit of a change is one atomic, durable batch. Full and incremental
 * OSDMaps are kept by epoch until trimmed.
 */
export class MonStore implements ConfigKeys {
  private readonly kv: KeyValue;

  constructor(kv: KeyValue) {
    this.kv = kv;
  }

  /** Writes a new cluster's first state. @throws CephError EEXIST when the store already holds one */
  async create(identity: ClusterIdentity, monmap: MonMap, osdmap: OSDMap): Promise<void> {
    if (this.kv.get(KEYS.cluster)) throw new CephError('EEXIST', 'the store holds a cluster');
    const { epoch } = osdmap;
    await this.kv.commit([
      { op: 'put', key: KEYS.cluster, value: jsonBytes(identity) },
      { op: 'put', key: KEYS.version, value: numberBytes(1) },
      { op: 'put', key: KEYS.monMap, value: encodeToBytes(MonMap, monmap) },
      { op: 'put', key: KEYS.fullMap(epoch), value: osdmap.encode() },
      { op: 'put', key: KEYS.oldestEpoch, value: numberBytes(epoch) },
      { op: 'put', key: KEYS.newestEpoch, value: numberBytes(epoch) },
    ]);
  }

  /** @throws CephError ENOENT when nothing was created here, EIO when what is here cannot be used */
  load(): { identity: ClusterIdentity; maps: ClusterMaps } {
    const cluster = this.kv.get(KEYS.cluster);
    if (!cluster) throw new CephError('ENOENT', 'the monitor store holds no cluster');
    const identity = JSON.parse(cluster.toString()) as ClusterIdentity;
    if (identity.format !== 1) {
      throw new CephError('EIO', `monitor store of format ${identity.format}, this release has 1`);
    }
    const maps: ClusterMaps = {
      version: this.number(KEYS.version),
      osdmap: OSDMap.decode(this.need(KEYS.fullMap(this.number(KEYS.newestEpoch)))),
      oldestEpoch: this.number(KEYS.oldestEpoch),
      monmap: decodeAll(MonMap, this.need(KEYS.monMap)),
      config: this.json<ConfigSetting>('config/').sort(compareSettings),
      healthMutes: mutesByCode(this.json<HealthMute>('health/mute/')),
      osdMetadata: this.metadata(),
    };
    return { identity, maps };
  }

  /** One change, durable when it resolves. Changes given one after another become durable in that order. */
  commit(writes: readonly KeyValueOp[]): Promise<void> {
    return this.kv.commit(writes);
  }

  fullMap(epoch: number): Buffer | undefined {
    return this.kv.get(KEYS.fullMap(epoch));
  }
  incremental(epoch: number): Buffer | undefined {
    return this.kv.get(KEYS.incremental(epoch));
  }

  /** Writes that forget the epochs below `floor`, or as many of them as one commit should. */
  trimWrites(maps: ClusterMaps, floor: number): { oldestEpoch: number; writes: KeyValueOp[] } {
    const to = Math.min(floor, maps.oldestEpoch + TRIM_MAX, maps.osdmap.epoch);
    return {
      oldestEpoch: to,
      writes: [
        { op: 'put', key: KEYS.oldestEpoch, value: numberBytes(to) },
        { op: 'delRange', from: KEYS.fullMap(maps.oldestEpoch), to: KEYS.fullMap(to) },
        // The oldest full map is where a history starts, so its own incremental goes too.
        { op: 'delRange', from: KEYS.incremental(maps.oldestEpoch), to: KEYS.incremental(to + 1) },
      ],
    };
  }

  /** A number kept under a key of its own; `absent` when it was never stored. */
  counter(key: string, absent: number): number {
    return this.kv.get(key) ? this.number(key) : absent;
  }

  get(key: string): Buffer | undefined {
    return this.kv.get(KEYS.configKey(byteStringOf(key)));
  }
  entries(prefix: string): { key: string; value: Buffer }[] {
    const start = KEYS.configKey('').length;
    const [from, to] = rangeOf(KEYS.configKey(byteStringOf(prefix)));
    return [...this.kv.range(from, to)].map(({ key, value }) => ({
      key: textOf(key.slice(start)),
      value,
    }));
  }

  private need(key: string): Buffer {
    const value = this.kv.get(key);
    if (!value) throw new CephError('EIO', `the monitor store lacks ${key}`);
    return value;
  }
  private number(key: string): number {
    const n = Number(this.need(key).toString());
    if (!Number.isSafeInteger(n)) throw new CephError('EIO', `${key} is not a number`);
    return n;
  }
  private json<T>(prefix: string): T[] {
    const found = this.kv.range(...rangeOf(prefix));
    return [...found].map(({ value }) => JSON.parse(value.toString()) as T);
  }
  private metadata(): Map<number, ReadonlyMap<string, string>> {
    const prefix = 'osd/metadata/';
    const out = new Map<number, ReadonlyMap<string, string>>();
    for (const { key, value } of this.kv.range(...rangeOf(prefix))) {
      const said = JSON.parse(value.toString()) as [string, string][];
      out.set(Number.parseInt(key.slice(prefix.length), 16), new Map(said));
    }
    return out;
  }
}
