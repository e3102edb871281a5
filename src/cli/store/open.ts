import { CephError } from '../../errors/index.ts';
import { type Logger, silent } from '../../runtime/index.ts';
import {
  nativeCrc32c,
  nodeCompressor,
  nodeDisk,
  openLmdb,
  systemClock,
} from '../../runtime-node/index.ts';
import { BlockStore, type StorePlace } from '../../store/index.ts';

/** The files of an OSD's store, `DIR/osd.N` of a cluster. */
export function placeOf(path: string): StorePlace {
  return {
    path,
    disk: nodeDisk,
    openKeyValue: openLmdb,
    crc32c: nativeCrc32c,
    compressor: nodeCompressor,
  };
}

/**
 * Opens a store that no daemon has, does something with it, and closes it whatever happens.
 * @throws CephError ENOENT where there is none, EBUSY when a process has it
 */
export async function withStore<T>(
  path: string,
  work: (store: BlockStore) => Promise<T>,
  log: Logger = silent,
): Promise<T> {
  if (!(await nodeDisk.exists(`${path}/block`))) {
    throw new CephError('ENOENT', `${path} holds no store`);
  }
  const store = await BlockStore.open({ ...placeOf(path), clock: systemClock, log });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
