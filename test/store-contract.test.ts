import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { silent } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/clock.ts';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { BlockStore, MemoryStore } from '../src/store/index.ts';
import { objectStoreContract } from './contract/object-store.ts';
import { openNodeStore } from './support/node-store.ts';
import { SimDisk } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';

objectStoreContract('MemoryStore', async () => ({
  open: async () => new MemoryStore(),
  keeps: false,
  destroy: async () => {},
}));

objectStoreContract('BlockStore on files and LMDB', async () => {
  const path = tempFolder('store');
  return {
    open: () => openNodeStore(join(path, 'osd'), { sizeBytes: 2 ** 28, cacheBytes: 20_000 }),
    keeps: true,
    destroy: () => rm(path, { recursive: true }),
  };
});

objectStoreContract('BlockStore on a simulated disk', async () => {
  const disk = new SimDisk(7);
  return {
    open: () =>
      BlockStore.open({
        path: '/sim',
        disk,
        openKeyValue: (path) => disk.openKeyValue(path),
        crc32c: nativeCrc32c,
        log: silent,
        clock: systemClock,
        sizeBytes: 2 ** 26,
      }),
    keeps: true,
    destroy: async () => {},
  };
});
