import { byteStringOf, encodeToBytes } from '../codec/index.ts';
import { type ConfigSetting, compareSettings } from '../config/index.ts';
import {
  emptyIncremental,
  encodeIncremental,
  type Incremental,
  MonMap,
  OSD_STATE,
  type OSDMap,
} from '../maps/index.ts';
import type { KeyValueOp } from '../runtime/index.ts';
import { type EntityAddr, type UTime, utimeOfMs } from '../wire/index.ts';
import type { Change, OsdMapPatch } from './change.ts';
import { KEYS } from './keys.ts';
import { withoutStaleOverrides } from './services/pg-overrides.ts';
import type { HealthMute } from './state.ts';

/** Everything the store holds but the opaque values of config-key. Immutable: a change gives a new one. */
export interface ClusterMaps {
  /** Number of the commit that led here. */
  readonly version: number;
  readonly osdmap: OSDMap;
  readonly oldestEpoch: number;
  readonly monmap: MonMap;
  /** In the order of `config dump`. */
  readonly config: readonly ConfigSetting[];
  readonly healthMutes: ReadonlyMap<string, HealthMute>;
  readonly osdMetadata: ReadonlyMap<number, ReadonlyMap<string, string>>;
}

/** A change with its number: what it leads to and what has to be written for it. */
export interface NumberedChange {
  readonly maps: ClusterMaps;
  readonly writes: KeyValueOp[];
  /** Encoded, when the OSDMap changed. */
  readonly incremental: Buffer | undefined;
}

export function numberBytes(n: number): Buffer {
  return Buffer.from(String(n));
}
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** One transition of the cluster's state. Pure: equal maps, change and time give equal results. */
export function numberChange(maps: ClusterMaps, change: Change, nowMs: number): NumberedChange {
  const writes: KeyValueOp[] = [];
  const version = maps.version + 1;
  writes.push({ op: 'put', key: KEYS.version, value: numberBytes(version) });
  const { osdmap, incremental } = changeOsdMap(maps.osdmap, change.osdmap, nowMs, writes);
  return {
    maps: {
      ...maps,
      version,
      osdmap,
      monmap: changeMonMap(maps.monmap, change.monAddr, nowMs, writes),
      config: changeConfig(maps.config, change.config ?? [], writes),
      healthMutes: changeMutes(maps.healthMutes, change.healthMutes ?? [], writes),
      osdMetadata: changeMetadata(maps.osdMetadata, change.osdMetadata ?? new Map(), writes),
    },
    writes: [...writes, ...configKeyWrites(change.configKey ?? [])],
    incremental,
  };
}

function changeMonMap(
  map: MonMap,
  addr: EntityAddr | undefined,
  nowMs: number,
  writes: KeyValueOp[],
): MonMap {
  if (!addr) return map;
  const [name] = map.ranks;
  const info = map.monInfo.get(name!)!;
  const next: MonMap = {
    ...map,
    epoch: map.epoch + 1,
    lastChanged: utimeOfMs(nowMs),
    monInfo: new Map([[name!, { ...info, publicAddrs: [addr] }]]),
  };
  writes.push({ op: 'put', key: KEYS.monMap, value: encodeToBytes(MonMap, next) });
  return next;
}

/** The whole change of an epoch from the parts a decision gave. */
function completePatch(map: OSDMap, patch: OsdMapPatch, nowMs: number): Incremental {
  const modified = utimeOfMs(nowMs);
  return {
    ...emptyIncremental({ fsid: map.fsid, epoch: map.epoch + 1, modified }),
    ...(changesUp(map, patch) ? { newLastUpChange: modified } : {}),
    ...(changesIn(map, patch) ? { newLastInChange: modified } : {}),
    ...patch,
    ...(patch.newXinfo ? { newXinfo: stamped(map, patch, modified) } : {}),
  };
}

/** What is said of an OSD that goes down says when, as it replaces what applying the change alone would say. */
function stamped(map: OSDMap, { newXinfo, newState }: OsdMapPatch, modified: UTime) {
  const out = new Map(newXinfo);
  for (const [osd, xinfo] of out) {
    const goesDown = map.isUp(osd) && ((newState?.get(osd) ?? 0) & OSD_STATE.up) !== 0;
    if (goesDown) out.set(osd, { ...xinfo, downStamp: modified });
  }
  return out;
}

/** Whether an OSD comes up or goes down: the stamp says since when the set of those up is what it is. */
function changesUp(map: OSDMap, { newUpClient, newState }: OsdMapPatch): boolean {
  if (newUpClient && newUpClient.size > 0) return true;
  const flips = [...(newState ?? [])];
  return flips.some(([osd, bits]) => map.isUp(osd) && (bits === 0 || (bits & OSD_STATE.up) !== 0));
}

function changesIn(map: OSDMap, { newWeight }: OsdMapPatch): boolean {
  return [...(newWeight ?? [])].some(([osd, weight]) => map.isIn(osd) !== weight > 0);
}

function changeOsdMap(
  map: OSDMap,
  patch: OsdMapPatch | undefined,
  nowMs: number,
  writes: KeyValueOp[],
): { osdmap: OSDMap; incremental: Buffer | undefined } {
  if (!patch) return { osdmap: map, incremental: undefined };
  const asked = completePatch(map, patch, nowMs);
  const first = map.applyIncremental(asked);
  const inc = withoutStaleOverrides(asked, map, first);
  const osdmap = inc === asked ? first : map.applyIncremental(inc);
  const full = osdmap.encode();
  const incremental = encodeIncremental(inc, osdmap);
  const { epoch } = osdmap;
  writes.push(
    { op: 'put', key: KEYS.fullMap(epoch), value: full },
    { op: 'put', key: KEYS.incremental(epoch), value: incremental },
    { op: 'put', key: KEYS.newestEpoch, value: numberBytes(epoch) },
  );
  return { osdmap, incremental };
}

function changeConfig(
  config: readonly ConfigSetting[],
  changes: NonNullable<Change['config']>,
  writes: KeyValueOp[],
): readonly ConfigSetting[] {
  let next = config;
  for (const { section, mask, name, value } of changes) {
    const key = byteStringOf(KEYS.config(section, mask, name));
    next = next.filter((s) => s.section !== section || s.mask !== mask || s.name !== name);
    if (value === undefined) {
      writes.push({ op: 'del', key });
    } else {
      next = [...next, { section, mask, name, value }].sort(compareSettings);
      writes.push({ op: 'put', key, value: jsonBytes({ section, mask, name, value }) });
    }
  }
  return next;
}

function changeMutes(
  mutes: ReadonlyMap<string, HealthMute>,
  changes: NonNullable<Change['healthMutes']>,
  writes: KeyValueOp[],
): ReadonlyMap<string, HealthMute> {
  if (changes.length === 0) return mutes;
  const next = new Map(mutes);
  for (const { code, mute } of changes) {
    const key = byteStringOf(KEYS.healthMute(code));
    if (mute === undefined) {
      next.delete(code);
      writes.push({ op: 'del', key });
    } else {
      next.set(code, mute);
      writes.push({ op: 'put', key, value: jsonBytes(mute) });
    }
  }
  return mutesByCode(next.values());
}

/** The mutes in the order of their codes, as a store gives them back: a restart must not change what is shown. */
export function mutesByCode(mutes: Iterable<HealthMute>): ReadonlyMap<string, HealthMute> {
  const sorted = [...mutes].sort((a, b) => (a.code < b.code ? -1 : 1));
  return new Map(sorted.map((m) => [m.code, m]));
}

function changeMetadata(
  metadata: ClusterMaps['osdMetadata'],
  changes: NonNullable<Change['osdMetadata']>,
  writes: KeyValueOp[],
): ClusterMaps['osdMetadata'] {
  if (changes.size === 0) return metadata;
  const next = new Map(metadata);
  for (const [osd, said] of changes) {
    const key = KEYS.osdMetadata(osd);
    if (said === undefined) {
      next.delete(osd);
      writes.push({ op: 'del', key });
    } else {
      next.set(osd, said);
      writes.push({ op: 'put', key, value: jsonBytes([...said]) });
    }
  }
  return next;
}

function configKeyWrites(changes: NonNullable<Change['configKey']>): KeyValueOp[] {
  return changes.map(({ key, value }) => {
    const stored = KEYS.configKey(byteStringOf(key));
    return value === undefined
      ? { op: 'del', key: stored }
      : { op: 'put', key: stored, value: Buffer.from(value) };
  });
}
