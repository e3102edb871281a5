import type { KeyValue, KeyValueOp } from '../runtime/index.ts';

/** Where the store below a journal says what of the journal it holds. */
export const MARK = '\0journal';
const BYTES = 17;

export interface JournalMark {
  /** The last epoch that is wholly applied. */
  readonly epoch: number;
  /** The size of the areas of the epochs after it. */
  readonly areaBytes: number;
  /** There are none after it: the journal was closed. */
  readonly isClosed: boolean;
}

export function readMark(kv: KeyValue): JournalMark | undefined {
  const bytes = kv.get(MARK);
  if (bytes?.length !== BYTES) return undefined;
  return {
    epoch: bytes.readDoubleLE(0),
    areaBytes: bytes.readDoubleLE(8),
    isClosed: bytes[16] === 1,
  };
}

export function markOp(mark: JournalMark): KeyValueOp {
  const value = Buffer.alloc(BYTES);
  value.writeDoubleLE(mark.epoch, 0);
  value.writeDoubleLE(mark.areaBytes, 8);
  value[16] = mark.isClosed ? 1 : 0;
  return { op: 'put', key: MARK, value };
}
