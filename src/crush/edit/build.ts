import { editMany } from '../lookup.ts';
import { TUNABLE_PROFILES } from '../tunables.ts';
import type { CrushMap } from '../types.ts';
import { setDeviceClass } from './classes.ts';
import { type CrushLocation, createOrMoveItem } from './edit.ts';
import { addBucket } from './new-bucket.ts';
import { addSimpleRule } from './rules.ts';
import { weightOf } from './weights.ts';

/** Types of a new cluster's map, from the device up. Source: OSDMap::_build_crush_types, release 16.2. */
const TYPES = [
  'osd',
  'host',
  'chassis',
  'rack',
  'row',
  'pdu',
  'pod',
  'room',
  'datacenter',
  'zone',
  'region',
  'root',
];

export interface DefaultMapOptions {
  /** Failure domain of `replicated_rule`. Default: host. */
  failureDomain?: string;
  /** Devices to begin with, in the order in which their OSDs would have booted. Default: none. */
  osds?: readonly {
    id: number;
    /** As commands write it, 1 per TiB by custom. */
    weight: number;
    /** Default: hdd. */
    deviceClass?: string;
    loc: CrushLocation;
  }[];
}

/** A map of nothing, not even types, with jewel tunables. */
export function emptyCrushMap(): CrushMap {
  return {
    maxBuckets: 0,
    maxDevices: 0,
    buckets: new Map(),
    rules: [],
    typeNames: new Map(),
    itemNames: new Map(),
    ruleNames: new Map(),
    tunables: { ...TUNABLE_PROFILES.jewel },
    classMap: new Map(),
    classNames: new Map(),
    classBuckets: new Map(),
    chooseArgs: new Map(),
  };
}

/**
 * The map a new cluster starts with: the usual types, the root `default`, the rule `replicated_rule`, jewel tunables.
 * A booting OSD then gets its class and place with `setDeviceClass` and `createOrMoveItem`, as is done here for `osds`.
 */
export function createDefaultCrushMap(options: DefaultMapOptions = {}): CrushMap {
  const map = emptyCrushMap();
  map.typeNames = new Map(TYPES.entries());
  addBucket(map, 'default', 'root');
  addSimpleRule(map, {
    name: 'replicated_rule',
    root: 'default',
    failureDomain: options.failureDomain ?? 'host',
  });
  editMany(map, () => {
    for (const { id, weight, deviceClass, loc } of options.osds ?? []) {
      setDeviceClass(map, id, deviceClass ?? 'hdd');
      createOrMoveItem(map, id, weightOf(weight), `osd.${id}`, loc);
    }
  });
  return map;
}
