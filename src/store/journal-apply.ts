import type { KeyValue, KeyValueOp } from '../runtime/index.ts';
import { markOp } from './journal-mark.ts';

/** Changes go to the store below in slices, so that no turn of the event loop is long. */
const SLICE_OPS = 400;
const SLICE_BYTES = 2 ** 20;

/**
 * Brings the content of an epoch into the store below and says there that it is applied.
 * @param areaBytes of the areas from now on, for whoever replays the journal
 * @param sliceOps how many changes go at a time; default 400
 */
export async function applyEpoch(
  kv: KeyValue,
  content: Iterable<[string, Buffer | null]>,
  {
    epoch,
    areaBytes,
    sliceOps = SLICE_OPS,
  }: { epoch: number; areaBytes: number; sliceOps?: number | undefined },
): Promise<void> {
  let slice: KeyValueOp[] = [];
  let bytes = 0;
  for (const [key, value] of content) {
    slice.push(value === null ? { op: 'del', key } : { op: 'put', key, value });
    bytes += key.length + (value?.length ?? 0);
    if (slice.length < sliceOps && bytes < SLICE_BYTES) continue;
    await kv.commit(slice);
    slice = [];
    bytes = 0;
  }
  slice.push(markOp({ epoch, areaBytes, isClosed: false }));
  await kv.commit(slice);
}
