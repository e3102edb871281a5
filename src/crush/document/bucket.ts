import { CephError } from '../../errors/index.ts';
import { makeBucket } from '../bucket.ts';
import { BUCKET_ALG, type CrushBucket } from '../types.ts';
import { ALG_BY_NAME } from '../words.ts';
import { type DocumentNode, type Range, S32, U8, U16, U32 } from './node.ts';

/** @param strawCalcVersion the tunable, for straws that are not given */
export function bucketFromNode(
  node: DocumentNode,
  id: number,
  strawCalcVersion: number,
): CrushBucket {
  const algNode = node.get('alg');
  const alg = ALG_BY_NAME.get(algNode.text()) ?? algNode.fail(`'${algNode.text()}' is not known`);
  const head = { id, type: node.get('type_id').integer(U16), alg, hash: hashOf(node) };
  const items: number[] = [];
  const weights: number[] = [];
  node
    .get('items')
    .list()
    .forEach((item, at) => {
      const position = item.optional('pos');
      if (position && position.integer(U32) !== at) position.fail(`is not ${at}, its place`);
      items.push(item.get('id').integer(S32));
      weights.push(item.get('weight').integer(U32));
    });
  const bucket =
    ownState(node, head, items, weights) ?? derive(node, head, items, weights, strawCalcVersion);
  bucket.weight = node.optional('weight')?.integer(U32) ?? bucket.weight;
  return bucket;
}

type Head = Parameters<typeof makeBucket>[0];

function hashOf(node: DocumentNode): number {
  const id = node.optional('hash_id');
  if (id) return id.integer(U8);
  const name = node.optional('hash');
  return name && name.text() !== 'rjenkins1' ? name.fail(`'${name.text()}' is not known`) : 0;
}

/** A bucket whose document says all; `undefined` if it leaves something to us. */
function ownState(
  node: DocumentNode,
  head: Head,
  items: number[],
  weights: number[],
): CrushBucket | undefined {
  const base = { id: head.id, type: head.type, hash: head.hash, weight: 0, items };
  const listOf = (key: string, lengths: Range): number[] | undefined => {
    const list = node.optional(key);
    const numbers = list?.list().map((n) => n.integer(U32));
    if (list && numbers && (numbers.length < lengths[0] || numbers.length > lengths[1])) {
      list.fail(`has ${numbers.length} numbers for ${items.length} items`);
    }
    return numbers;
  };
  const perItem: Range = [items.length, items.length];
  switch (head.alg) {
    case BUCKET_ALG.UNIFORM: {
      const itemWeight = node.optional('item_weight')?.integer(U32);
      if (itemWeight === undefined) return undefined;
      if (weights.some((w) => w !== itemWeight))
        node.get('item_weight').fail('is not what items weigh');
      return { ...base, alg: head.alg, itemWeight };
    }
    case BUCKET_ALG.LIST: {
      const sums = listOf('sums', perItem);
      return sums && { ...base, alg: head.alg, itemWeights: weights, sums };
    }
    case BUCKET_ALG.TREE: {
      const nodeWeights = listOf('node_weights', [2 * items.length, 0xff]);
      const count = nodeWeights?.length ?? 0;
      if ((count & (count - 1)) !== 0)
        node.get('node_weights').fail('has no power of two of nodes');
      if (nodeWeights && weights.some((w, i) => nodeWeights[2 * i + 1] !== w)) {
        node.get('node_weights').fail('are not those of the items');
      }
      return nodeWeights && { ...base, alg: head.alg, nodeWeights };
    }
    case BUCKET_ALG.STRAW: {
      const straws = listOf('straws', perItem);
      return straws && { ...base, alg: head.alg, itemWeights: weights, straws };
    }
    case BUCKET_ALG.STRAW2:
      return node.optional('weight') && { ...base, alg: head.alg, itemWeights: weights };
  }
}

function derive(
  node: DocumentNode,
  head: Head,
  items: number[],
  weights: number[],
  strawCalcVersion: number,
): CrushBucket {
  try {
    return makeBucket(head, items, weights, strawCalcVersion);
  } catch (e) {
    if (e instanceof CephError) return node.get('items').fail(e.message);
    throw e;
  }
}
