import { afterEach } from 'vitest';
import { ClusterFolder } from './sepiola.ts';

/** Makes folders for the tests of a file; each is cleared after its test. */
export function clusterFolders(): () => ClusterFolder {
  const made: ClusterFolder[] = [];
  afterEach(async () => {
    for (const f of made.splice(0)) await f.clear();
  });
  return () => {
    const f = new ClusterFolder();
    made.push(f);
    return f;
  };
}
