import { CephError } from '../../errors/index.ts';
import { pgMeta } from '../../osd/index.ts';
import type { BlockStore } from '../../store/index.ts';
import { type HObject, parsePgId } from '../../wire/index.ts';
import { everything, pgsOf } from './objects.ts';
import type { Progress } from './progress.ts';
import type { Request } from './words.ts';

const BATCH = 200;

/**
 * `remove`: a PG with all its objects. Its own object goes first: cut short, it is a rest that the OSD takes away at its
 * next start.
 * @throws CephError EPERM without --force, ENOENT
 */
export async function removePg(
  store: BlockStore,
  request: Request,
  progress: Progress,
): Promise<void> {
  const pgid = request.pgid!;
  const [c] = pgsOf(store, { ...request, pgid });
  if (!request.force && request.op !== 'export-remove') {
    throw new CephError('EPERM', 'Please use export-remove or you must use --force option');
  }
  if (request.dryRun) {
    process.stderr.write(`Would remove ${c}\n`);
    return;
  }
  await removeObjects(store, c!, progress);
  process.stderr.write('Remove successful\n');
}

/** Removes a collection and what is in it. */
export async function removeObjects(
  store: BlockStore,
  c: string,
  progress?: Progress,
): Promise<void> {
  await store.submit([{ op: 'remove', c, oid: pgMeta(parsePgId(c)!) }]);
  let count = 0;
  let batch: HObject[] = [];
  const flush = async () => {
    progress?.check();
    await store.submit(batch.map((oid) => ({ op: 'remove', c, oid })));
    count += batch.length;
    batch = [];
    progress?.show(() => `${count} objects removed`);
  };
  for (const oid of [...everything(store, c)]) if (batch.push(oid) === BATCH) await flush();
  await flush();
  await store.submit([{ op: 'rmcoll', c }]);
}
