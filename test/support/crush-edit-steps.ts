import { type CrushMap, isShadow } from '../../src/crush/index.ts';
import type { Dice } from './sim-disk.ts';

/**
 * The words of one random edit of a map, as crushtool takes them: mostly one that makes sense, else one to be refused.
 */
export function randomEditStep(map: CrushMap, roll: Dice): string[] {
  const item = anyItem(map, roll);
  const [device, name] = anyDevice(map, roll);
  switch (roll(12)) {
    case 0:
    case 1:
      return ['--add-item', `${device}`, weight(roll), name, ...location(map, roll)];
    case 2:
    case 3:
    case 4:
      return ['--update-item', `${device}`, weight(roll), name, ...location(map, roll)];
    case 5:
      return ['--remove-item', item];
    case 6:
    case 7:
      return ['--reweight-item', item, weight(roll)];
    case 8:
    case 9:
      return ['--move', item, ...location(map, roll)];
    case 10:
      return [
        '--add-bucket',
        roll(10) === 9 ? item : `new${roll(1000)}`,
        roll(12) === 11 ? 'nonesuch' : anyType(map, roll),
        ...(roll(3) === 2 ? [] : location(map, roll)),
      ];
    default:
      return ['--reweight'];
  }
}

function weight(roll: Dice): string {
  return ['1', '0', '0.5', '2.25', '0.00001', '3.7', '1000', '12.345'][roll(8)]!;
}

function bucketNames(map: CrushMap, type?: number): string[] {
  return [...map.buckets.values()]
    .filter((b) => !isShadow(map, b.id) && (type === undefined || b.type === type))
    .map((b) => map.itemNames.get(b.id)!);
}

function anyOf<T>(list: readonly T[], roll: Dice): T | undefined {
  return list[roll(list.length || 1)];
}

function anyType(map: CrushMap, roll: Dice): string {
  const types = [...map.typeNames.keys()];
  return map.typeNames.get(anyOf(roll(10) === 9 ? types : types.slice(1), roll)!)!;
}

function anyItem(map: CrushMap, roll: Dice): string {
  if (roll(20) === 19) return 'nobody';
  const devices = [...map.itemNames.keys()].filter((id) => id >= 0);
  const names = roll(2) === 0 ? devices.map((id) => map.itemNames.get(id)!) : bucketNames(map);
  return anyOf(names, roll) ?? 'nobody';
}

/** Mostly a device of the map under its name. */
function anyDevice(map: CrushMap, roll: Dice): [number, string] {
  const id = roll(3) === 2 ? roll(map.maxDevices + 4) : roll(map.maxDevices || 1);
  if (roll(20) === 19) return [id, anyItem(map, roll)];
  return [id, map.itemNames.get(id) ?? `osd.${id}`];
}

/** Buckets of one to three types; seldom a new one, or one of another type. */
function location(map: CrushMap, roll: Dice): string[] {
  const types = [...map.typeNames].filter(([type]) => type > 0);
  const out: string[] = [];
  for (let i = 1 + roll(3); i > 0 && types.length > 0; i--) {
    const [[type, typeName]] = types.splice(roll(types.length), 1) as [[number, string]];
    const known = anyOf(bucketNames(map, roll(20) === 19 ? undefined : type), roll);
    const name = known === undefined || roll(16) === 15 ? `${typeName}-${roll(4)}` : known;
    out.push('--loc', typeName, name);
  }
  return out;
}
