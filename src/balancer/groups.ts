import { type CrushMap, isShadow, rootsOf } from '../crush/index.ts';

/** Devices that belong together: one device, a host, a rack, or several of those in a row. */
export interface DeviceGroup {
  readonly name: string;
  readonly devices: readonly number[];
}

export interface Grouping {
  /** What a group is: the type's name; `osd` for a device each. */
  readonly type: string;
  readonly groups: readonly DeviceGroup[];
}

/**
 * A map's devices in the order of its trees, in at most `most` groups: single devices if they are few enough, else by
 * the lowest type of bucket of which there are few enough, else neighbours joined.
 */
export function groupDevices(map: CrushMap, most: number): Grouping {
  const types = [...map.typeNames.keys()].sort((a, b) => a - b);
  let last: Grouping | undefined;
  for (const type of types) {
    const groups = groupsOfType(map, type);
    if (groups.length === 0) continue;
    last = { type: map.typeNames.get(type)!, groups };
    if (groups.length <= most) return last;
  }
  return joined(last ?? { type: 'osd', groups: [] }, most);
}

/** Items of a type with the devices below; devices below none of them stand by themselves where there are some. */
function groupsOfType(map: CrushMap, type: number): DeviceGroup[] {
  const out: DeviceGroup[] = [];
  const seen = new Set<number>();
  let isOfType = false;
  const visit = (item: number, group: number[] | undefined): void => {
    if (item >= 0) {
      if (seen.has(item)) return;
      seen.add(item);
      isOfType ||= type === 0;
      if (group) group.push(item);
      else out.push({ name: map.itemNames.get(item) ?? `osd.${item}`, devices: [item] });
      return;
    }
    const bucket = map.buckets.get(item);
    if (!bucket || isShadow(map, item)) return;
    let into = group;
    if (!into && bucket.type === type) {
      isOfType = true;
      into = [];
    }
    for (const child of bucket.items) visit(child, into);
    if (into !== group && into && into.length > 0) {
      out.push({ name: map.itemNames.get(item) ?? `${item}`, devices: into });
    }
  };
  for (const root of rootsOf(map, { shadow: false }).toReversed()) visit(root, undefined);
  return isOfType ? out : [];
}

function joined({ type, groups }: Grouping, most: number): Grouping {
  const each = Math.ceil(groups.length / most);
  const out: DeviceGroup[] = [];
  for (let i = 0; i < groups.length; i += each) {
    const part = groups.slice(i, i + each);
    const name = part.length === 1 ? part[0]!.name : `${part[0]!.name} … ${part.at(-1)!.name}`;
    out.push({ name, devices: part.flatMap((g) => g.devices) });
  }
  return { type, groups: out };
}
