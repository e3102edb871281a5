import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LevelKeyValue } from '../bench/support/level-key-value.ts';
import { keyValueContract } from './contract/key-value.ts';
import { tempFolder } from './support/temp-folder.ts';

// bench:key-value compares engines: only one that keeps the same promises is worth comparing.
keyValueContract('LevelDB, as measured', async () => {
  const path = tempFolder('level');
  return {
    open: () => LevelKeyValue.open(join(path, 'db')),
    destroy: () => rm(path, { recursive: true }),
  };
});
