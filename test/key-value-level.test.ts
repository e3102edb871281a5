import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelKeyValue } from '../bench/support/level-key-value.ts';
import { keyValueContract } from './contract/key-value.ts';

// bench:key-value compares engines: only one that keeps the same promises is worth comparing.
keyValueContract('LevelDB, as measured', async () => {
  const path = await mkdtemp(join(tmpdir(), 'sepiola-level-'));
  return {
    open: () => LevelKeyValue.open(join(path, 'db')),
    destroy: () => rm(path, { recursive: true }),
  };
});
