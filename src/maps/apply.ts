import { decodeCrushMap, encodeCrushMap } from '../crush/index.ts';
import { DecodeError } from '../errors/index.ts';
import { type EntityAddr, type Intervals, sameAddr, type UTime, UUID_ZERO } from '../wire/index.ts';
import {
  type Blocklist,
  byPg,
  noOsdInfo,
  noOsdXInfo,
  type OsdInfo,
  type OsdXInfo,
  type PgKey,
} from './codecs.ts';
import type { Incremental } from './incremental.ts';
import { subtractIntervals, unionIntervals } from './intervals.ts';
import { OsdColumn } from './osd-column.ts';
import { OSD_STATE, type OSDMapData, RELEASE, WEIGHT_ONE } from './osdmap-data.ts';

// The effect of a change on a map: fact sheet §5.2; OSDMap::apply_incremental of src/osd/OSDMap.cc, release 16.2. The
// order of the steps is Ceph's, because some read what others wrote.

/** No cluster has more; a larger number in a change is damage, and room for it is not taken. */
const MAX_OSD_LIMIT = 100_000;

/**
 * The map after a change that is not a full map. The old one stays as it is; what did not change is shared.
 * @throws DecodeError when the change does not fit the map
 */
export function applyToData(old: OSDMapData, inc: Incremental): OSDMapData {
  if (inc.fsid !== old.fsid) refuse(`fsid ${inc.fsid}, not ${old.fsid}`);
  if (inc.epoch !== old.epoch + 1) refuse(`epoch ${inc.epoch} does not follow ${old.epoch}`);
  const next: OSDMapData = { ...old, epoch: inc.epoch, modified: inc.modified };
  if (inc.newFlags >= 0) next.flags = inc.newFlags;
  if (inc.newPoolMax !== -1) next.poolMax = inc.newPoolMax;
  next.lastUpChange = laterOf(inc.newLastUpChange, old.lastUpChange);
  next.lastInChange = laterOf(inc.newLastInChange, old.lastInChange);
  applyPools(next, inc);
  applySnaps(next, inc);
  applyOsds(next, inc);
  applyPlacement(next, inc);
  applyBlocklist(next, inc);
  next.erasureCodeProfiles = patched(
    old.erasureCodeProfiles,
    inc.newErasureCodeProfiles,
    inc.oldErasureCodeProfiles,
  );
  next.crushNodeFlags = patchedUnless(old.crushNodeFlags, inc.newCrushNodeFlags, isZero);
  next.deviceClassFlags = patchedUnless(old.deviceClassFlags, inc.newDeviceClassFlags, isZero);
  next.clusterSnapshot = inc.clusterSnapshot;
  next.clusterSnapshotEpoch = inc.clusterSnapshot === '' ? 0 : inc.epoch;
  if (inc.newNearfullRatio >= 0) next.nearfullRatio = inc.newNearfullRatio;
  if (inc.newFullRatio >= 0) next.fullRatio = inc.newFullRatio;
  if (inc.newBackfillfullRatio >= 0) next.backfillfullRatio = inc.newBackfillfullRatio;
  if (inc.newRequireMinCompatClient !== NO_RELEASE) {
    next.requireMinCompatClient = inc.newRequireMinCompatClient;
  }
  if (inc.newRequireOsdRelease !== NO_RELEASE) next.requireOsdRelease = inc.newRequireOsdRelease;
  if (inc.crush.length > 0) {
    // Ceph's full map holds what its decoder made of these bytes, which can differ in max_devices.
    next.crush = encodeCrushMap(decodeCrushMap(inc.crush));
    if (old.requireOsdRelease >= RELEASE.luminous) next.crushVersion = old.crushVersion + 1;
  }
  return next;
}

const NO_RELEASE = 255;

function refuse(reason: string): never {
  throw new DecodeError(reason, 0, 'OSDMap::Incremental');
}

function laterOf(changed: UTime, before: UTime): UTime {
  return changed.sec === 0 && changed.nsec === 0 ? before : changed;
}

function isZero(v: number): boolean {
  return v === 0;
}

/** `base` with entries replaced and removed; itself when there is nothing to do. */
function patched<K, V>(base: Map<K, V>, set: ReadonlyMap<K, V>, remove: Iterable<K>): Map<K, V> {
  const out = new Map(base);
  for (const [k, v] of set) out.set(k, v);
  let touched = set.size > 0;
  for (const k of remove) touched = out.delete(k) || touched;
  return touched ? out : base;
}

/** `base` with entries replaced, or removed where the new value says so. */
function patchedUnless<K, V>(
  base: Map<K, V>,
  set: ReadonlyMap<K, V>,
  removes: (v: V) => boolean,
): Map<K, V> {
  if (set.size === 0) return base;
  const out = new Map(base);
  for (const [k, v] of set) {
    if (removes(v)) out.delete(k);
    else out.set(k, v);
  }
  return out;
}

function applyPools(next: OSDMapData, inc: Incremental): void {
  const changed = new Map(
    [...inc.newPools].map(([id, pool]) => [id, { ...pool, lastChange: inc.epoch }]),
  );
  next.pools = patched(next.pools, changed, inc.oldPools);
  next.poolNames = patched(next.poolNames, inc.newPoolNames, inc.oldPools);
}

function applySnaps(next: OSDMapData, inc: Incremental): void {
  next.newRemovedSnaps = inc.newRemovedSnaps;
  next.newPurgedSnaps = inc.newPurgedSnaps;
  if (inc.newRemovedSnaps.size === 0 && inc.newPurgedSnaps.size === 0) return;
  const queue = new Map<number, Intervals>(next.removedSnapsQueue);
  for (const [pool, snaps] of inc.newRemovedSnaps) {
    queue.set(pool, unionIntervals(queue.get(pool) ?? [], snaps));
  }
  for (const [pool, snaps] of inc.newPurgedSnaps) {
    const left = subtractIntervals(queue.get(pool) ?? [], snaps);
    if (left.length > 0) queue.set(pool, left);
    else queue.delete(pool);
  }
  next.removedSnapsQueue = queue;
}

function applyOsds(map: OSDMapData, inc: Incremental): void {
  const next = ownOsdLists(map);
  if (inc.newMaxOsd >= 0) resizeOsdLists(next, inc.newMaxOsd);
  for (const [osd, weight] of inc.newWeight) {
    checkOsd(next, osd);
    next.osdWeight[osd] = weight;
    if (weight === 0) continue;
    // Marked in again: what an automatic mark-out left behind is void.
    next.osdState[osd] =
      (next.osdState[osd]! | OSD_STATE.exists) & ~(OSD_STATE.autoout | OSD_STATE.new);
    next.osdXInfo.set(osd, { ...next.osdXInfo.at(osd)!, oldWeight: 0 });
  }
  for (const [osd, affinity] of inc.newPrimaryAffinity) setAffinity(next, osd, affinity);
  for (const [osd, flip] of inc.newState) changeState(next, osd, flip || OSD_STATE.up);
  for (const [osd, addrs] of inc.newUpClient) {
    checkOsd(next, osd);
    next.osdState[osd] = (next.osdState[osd]! | OSD_STATE.exists | OSD_STATE.up) & ~OSD_STATE.stop;
    next.clientAddrs.set(osd, addrs);
    next.hbBackAddrs.set(osd, inc.newHbBackUp.get(osd) ?? addrs);
    const front = inc.newHbFrontUp.get(osd);
    if (front) next.hbFrontAddrs.set(osd, front);
    next.osdInfo.set(osd, { ...next.osdInfo.at(osd)!, upFrom: inc.epoch });
  }
  for (const [osd, addrs] of inc.newUpCluster) {
    checkOsd(next, osd);
    next.clusterAddrs.set(osd, addrs);
  }
  for (const [osd, upThru] of inc.newUpThru) {
    checkOsd(next, osd);
    next.osdInfo.set(osd, { ...next.osdInfo.at(osd)!, upThru });
  }
  for (const [osd, { begin, end }] of inc.newLastCleanInterval) {
    checkOsd(next, osd);
    next.osdInfo.set(osd, { ...next.osdInfo.at(osd)!, lastCleanBegin: begin, lastCleanEnd: end });
  }
  for (const [osd, lostAt] of inc.newLost) {
    checkOsd(next, osd);
    next.osdInfo.set(osd, { ...next.osdInfo.at(osd)!, lostAt });
  }
  for (const [osd, xinfo] of inc.newXinfo) {
    checkOsd(next, osd);
    next.osdXInfo.set(osd, xinfo);
  }
  for (const [osd, uuid] of inc.newUuid) {
    checkOsd(next, osd);
    next.osdUuid.set(osd, uuid);
  }
}

function checkOsd(m: OSDMapData, osd: number): void {
  if (osd < 0 || osd >= m.maxOsd) refuse(`osd.${osd} with max_osd ${m.maxOsd}`);
}

/** A map under change, whose lists by OSD are its own. */
type Draft = OSDMapData & {
  clientAddrs: OsdColumn<EntityAddr[]>;
  hbBackAddrs: OsdColumn<EntityAddr[]>;
  clusterAddrs: OsdColumn<EntityAddr[]>;
  osdInfo: OsdColumn<OsdInfo>;
  osdUuid: OsdColumn<string>;
  osdXInfo: OsdColumn<OsdXInfo>;
  hbFrontAddrs: OsdColumn<EntityAddr[]>;
};

/** The lists by OSD are copied whole: they are short, and the old map keeps its own. */
function ownOsdLists(m: OSDMapData): Draft {
  return Object.assign(m, {
    osdState: [...m.osdState],
    osdWeight: [...m.osdWeight],
    primaryAffinity: [...m.primaryAffinity],
    osdInfo: OsdColumn.copyOf(m.osdInfo),
    osdXInfo: OsdColumn.copyOf(m.osdXInfo),
    clientAddrs: OsdColumn.copyOf(m.clientAddrs),
    hbBackAddrs: OsdColumn.copyOf(m.hbBackAddrs),
    clusterAddrs: OsdColumn.copyOf(m.clusterAddrs),
    osdUuid: OsdColumn.copyOf(m.osdUuid),
    hbFrontAddrs: OsdColumn.copyOf(m.hbFrontAddrs),
  });
}

function resizeOsdLists(m: Draft, size: number): void {
  if (size > MAX_OSD_LIMIT) refuse(`max_osd ${size} above ${MAX_OSD_LIMIT}`);
  resize(m.osdState, size, () => 0);
  resize(m.osdWeight, size, () => 0);
  m.clientAddrs.resize(size, () => []);
  if (m.primaryAffinity.length > 0) resize(m.primaryAffinity, size, () => WEIGHT_ONE);
  m.hbBackAddrs.resize(size, () => []);
  m.osdInfo.resize(size, noOsdInfo);
  m.clusterAddrs.resize(size, () => []);
  m.osdUuid.resize(size, () => UUID_ZERO);
  m.osdXInfo.resize(size, noOsdXInfo);
  m.hbFrontAddrs.resize(size, () => []);
  m.maxOsd = size;
}

function resize<T>(list: T[], size: number, blank: () => T): void {
  while (list.length < size) list.push(blank());
  list.length = size;
}

function setAffinity(m: OSDMapData, osd: number, affinity: number): void {
  checkOsd(m, osd);
  if (m.primaryAffinity.length === 0) m.primaryAffinity = m.osdState.map(() => WEIGHT_ONE);
  m.primaryAffinity[osd] = affinity;
}

function changeState(m: Draft, osd: number, flip: number): void {
  checkOsd(m, osd);
  const state = m.osdState[osd]!;
  if (state & flip & OSD_STATE.up) {
    m.osdInfo.set(osd, { ...m.osdInfo.at(osd)!, downAt: m.epoch });
    m.osdXInfo.set(osd, { ...m.osdXInfo.at(osd)!, downStamp: m.modified });
  }
  if (state & flip & OSD_STATE.exists) {
    // Destroyed: a later OSD of this id is another one.
    m.osdUuid.set(osd, UUID_ZERO);
    m.osdInfo.set(osd, noOsdInfo());
    m.osdXInfo.set(osd, noOsdXInfo());
    setAffinity(m, osd, WEIGHT_ONE);
    m.clientAddrs.set(osd, []);
    m.clusterAddrs.set(osd, []);
    m.hbFrontAddrs.set(osd, []);
    m.hbBackAddrs.set(osd, []);
    m.osdState[osd] = 0;
  } else {
    m.osdState[osd] = (state ^ flip) >>> 0;
  }
}

function applyPlacement(next: OSDMapData, inc: Incremental): void {
  next.pgTemp = inOrder(
    next.pgTemp,
    patchedUnless(next.pgTemp, inc.newPgTemp, (osds) => osds.length === 0),
  );
  next.primaryTemp = inOrder(
    next.primaryTemp,
    patchedUnless(next.primaryTemp, inc.newPrimaryTemp, (osd) => osd === -1),
  );
  next.pgUpmap = inOrder(next.pgUpmap, patched(next.pgUpmap, inc.newPgUpmap, inc.oldPgUpmap));
  next.pgUpmapItems = inOrder(
    next.pgUpmapItems,
    patched(next.pgUpmapItems, inc.newPgUpmapItems, inc.oldPgUpmapItems),
  );
}

/** Keeps the order of pool and seed, in which a decoded map has its entries and every tool shows them. */
function inOrder<V>(base: Map<PgKey, V>, next: Map<PgKey, V>): Map<PgKey, V> {
  return next === base ? base : new Map([...next].sort((a, b) => byPg(a[0], b[0])));
}

function applyBlocklist(next: OSDMapData, inc: Incremental): void {
  if (inc.newBlocklist.length === 0 && inc.oldBlocklist.length === 0) return;
  const isOld = (a: EntityAddr): boolean => inc.oldBlocklist.some((old) => sameAddr(a, old));
  const isReplaced = (a: EntityAddr): boolean => inc.newBlocklist.some(([n]) => sameAddr(a, n));
  const kept: Blocklist = next.blocklist.filter(([a]) => !isReplaced(a));
  next.blocklist = [...kept, ...inc.newBlocklist].filter(([a]) => !isOld(a));
}
