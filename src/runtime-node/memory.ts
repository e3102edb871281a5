import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ProcessMemory } from '../runtime/index.ts';

let collect: (() => void) | undefined;

/** This process. */
export const processMemory: ProcessMemory = {
  residentBytes: () => process.memoryUsage.rss(),
  collect() {
    if (!collect) {
      // The engine shows its collector only to a context that is made while this flag is set.
      setFlagsFromString('--expose-gc');
      collect = runInNewContext('gc') as () => void;
      setFlagsFromString('--no-expose-gc');
    }
    collect();
  },
};
