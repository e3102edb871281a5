import type { KeyValue, KeyValueOp } from '../runtime/index.ts';

/**
 * A batch with its range removals as removals of the keys that they remove: those that the store holds now and those
 * that the batch itself put before.
 */
export function withoutRanges(
  store: Pick<KeyValue, 'range'>,
  batch: readonly KeyValueOp[],
): readonly KeyValueOp[] {
  if (!batch.some((op) => op.op === 'delRange')) return batch;
  const out: KeyValueOp[] = [];
  const put = new Set<string>();
  for (const op of batch) {
    if (op.op !== 'delRange') {
      out.push(op);
      if (op.op === 'put') put.add(op.key);
      continue;
    }
    for (const { key } of store.range(op.from, op.to)) out.push({ op: 'del', key });
    for (const key of put) if (key >= op.from && key < op.to) out.push({ op: 'del', key });
  }
  return out;
}
