import { CephError } from '../../errors/index.ts';
import { allocateBucketId, makeBucket } from '../bucket.ts';
import { putBucket, rootsOf, setItemName } from '../lookup.ts';
import { BUCKET_ALG, type BucketAlg, type CrushMap } from '../types.ts';
import { emptyCrushMap } from './build.ts';
import { isValidCrushName } from './new-bucket.ts';

/** One level of a regular map, above the devices or the layer before. */
export interface Layer {
  /** Name of the type, and the buckets' names with a number behind. */
  name: string;
  alg: BucketAlg;
  /** Items per bucket; 0 for one bucket that holds everything, named as the type. */
  size: number;
}

export interface LayeredMap {
  map: CrushMap;
  /** Name of the topmost bucket, or of the first. */
  root: string;
  rootCount: number;
}

/** Longest name, and longest pattern for one, that crushtool's buffers hold. */
const NAME_MAX = 19;
const PATTERN_MAX = 18;

/**
 * A map of devices of weight 1 in layers of equal buckets, without rules. Source: `--build` of tools/crushtool.cc, release
 * 16.2, down to names that it cuts.
 * @throws CephError EINVAL for a size below 0, or more items than the algorithm can hold
 */
export function buildLayers(deviceCount: number, layers: readonly Layer[]): LayeredMap {
  const map = emptyCrushMap();
  map.maxDevices = deviceCount;
  map.typeNames.set(0, 'osd');
  let items: number[] = [];
  for (let device = 0; device < deviceCount; device++) {
    items.push(device);
    setItemName(map, device, `osd.${device}`);
  }
  let weights = items.map(() => 0x10000);
  layers.forEach((layer, i) => {
    if (layer.size < 0) throw new CephError('EINVAL', `layer ${layer.name} has size ${layer.size}`);
    map.typeNames.set(i + 1, layer.name);
    const above: number[] = [];
    const aboveWeights: number[] = [];
    const size = layer.size || items.length;
    for (let at = 0; at < items.length; at += size) {
      const held = items.slice(at, at + size);
      const heldWeights = weights.slice(at, at + size);
      // In a uniform bucket all weigh what the first does; the layer above still adds up what they weighed.
      const uniform = layer.alg === BUCKET_ALG.UNIFORM;
      const given = uniform ? heldWeights.map(() => heldWeights[0]!) : heldWeights;
      const id = allocateBucketId(map);
      const head = { id, type: i + 1, alg: layer.alg, hash: 0 };
      putBucket(map, makeBucket(head, held, given, map.tunables.strawCalcVersion));
      const name = bucketName(layer, above.length);
      if (isValidCrushName(name)) setItemName(map, id, name);
      above.push(id);
      aboveWeights.push(heldWeights.reduce((sum, w) => sum + w, 0));
    }
    items = above;
    weights = aboveWeights;
  });
  const top = layers.at(-1);
  const root = top ? (top.size === 0 ? top.name : `${top.name}0`) : '';
  return { map, root, rootCount: rootsOf(map, { shadow: true }).length };
}

function bucketName({ name, size }: Layer, n: number): string {
  const pattern = size === 0 ? name.slice(0, NAME_MAX) : `${name}%d`.slice(0, PATTERN_MAX);
  // A pattern cut within its number leaves a percent sign that prints as nothing.
  return pattern.replace('%d', String(n)).replace(/%$/, '').slice(0, NAME_MAX);
}
