import { CephError } from '../src/errors/index.ts';
import type { ObjectStore } from '../src/store/index.ts';
import { wrappedStore } from './wrapped-store.ts';

/** Of its size, what a store has left while it is full: enough for what was begun, too little for anything new. */
const LEFT = 0.01;

/** A store that at times says that it has hardly any room left. */
export function fullAtTimes(store: ObjectStore, isFull: () => boolean): ObjectStore {
  const own: Partial<ObjectStore> = {
    usage: () => {
      const usage = store.usage();
      return isFull() ? { ...usage, availableBytes: Math.floor(usage.totalBytes * LEFT) } : usage;
    },
    reserve: (c, bytes) => {
      if (isFull()) throw new CephError('ENOSPC', 'the disk is full');
      store.reserve(c, bytes);
    },
  };
  return wrappedStore(store, own);
}
