import { fsck } from '../../store/index.ts';
import { placeOf } from './open.ts';
import { mib, Progress } from './progress.ts';
import type { Request } from './words.ts';

/** `fsck` and `repair`. @returns 0 when nothing is wrong any more, else 1 */
export async function check(request: Request): Promise<number> {
  const isRepair = request.op === 'repair' && !request.dryRun;
  const mend = isRepair ? (request.discard ? 'discard' : 'repair') : undefined;
  const progress = new Progress();
  try {
    const { objects, dataBytes, found, mended } = await fsck({
      ...placeOf(request.dataPath),
      deep: request.deep,
      ...(mend ? { mend } : {}),
      found: ({ text, mends }) => process.stdout.write(`${text}${WHAT_HELPS[mends]}\n`),
      progress: (done, total) => progress.show(() => `${mib(done)} of ${mib(total)} read`),
      isCancelled: () => progress.isCancelled,
    });
    const seen = `${objects} objects${request.deep ? `, ${mib(dataBytes)} of data read` : ''}`;
    const left = found - mended;
    const what = request.op === 'repair' ? 'repair' : 'fsck';
    const result =
      found === 0 ? `${what} success` : `${what} found ${found} error(s), ${mended} mended`;
    process.stdout.write(`${result}: ${seen}\n`);
    return left > 0 ? 1 : 0;
  } finally {
    progress.done();
  }
}

const WHAT_HELPS = {
  repair: ' [repair mends it]',
  discard: ' [repair --discard gives it up]',
  never: ' [needs another copy]',
} as const;
