import {
  nativeCrc32c,
  nodeCompressor,
  nodeDisk,
  openLmdb,
  systemClock,
} from '../../src/runtime-node/index.ts';
import { BlockStore, type BlockStoreOptions } from '../../src/store/index.ts';

/** A store on the host's files and LMDB, as a daemon opens it, with nothing logged. */
export function openNodeStore(
  path: string,
  options: Partial<BlockStoreOptions> = {},
): Promise<BlockStore> {
  return BlockStore.open({
    path,
    disk: nodeDisk,
    openKeyValue: openLmdb,
    crc32c: nativeCrc32c,
    compressor: nodeCompressor,
    log: () => {},
    clock: systemClock,
    ...options,
  });
}
