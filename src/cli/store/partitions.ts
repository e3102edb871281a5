import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CephError } from '../../errors/index.ts';
import { readPartition, shardOf } from '../../osd/index.ts';
import type { BlockStore } from '../../store/index.ts';
import { withStore } from './open.ts';
import type { Request } from './words.ts';

/** What is done to the store of one shard after another. */
const FOR_ALL: ReadonlySet<string | undefined> = new Set(['fsck', 'repair', 'list', 'list-pgs']);

/**
 * The stores that a request is about: of an OSD with several shards all of them, or the one that has the PG.
 * @throws CephError EINVAL when it does not say which
 */
export function storesFor({ dataPath, op, pgid }: Request): string[] {
  const shards = shardsIn(dataPath);
  if (shards.length === 0) return [dataPath];
  if (pgid) return [shards[shardOf(pgid, shards.length)]!];
  if (FOR_ALL.has(op)) return shards;
  const which = `give --pgid, or one of them as --data-path: ${shards.join(' ')}`;
  throw new CephError('EINVAL', `${dataPath} has the stores of ${shards.length} shards; ${which}`);
}

function shardsIn(path: string): string[] {
  if (!existsSync(join(path, 'shard.0'))) return [];
  const indexes = readdirSync(path).flatMap((name) => /^shard\.(\d+)$/.exec(name)?.[1] ?? []);
  return Array.from({ length: indexes.length }, (_, index) => join(path, `shard.${index}`));
}

/** Does something that needs the maps that an OSD has seen: the store of its shard 0 keeps them for all. */
export function withMaps(
  store: BlockStore,
  path: string,
  work: (maps: BlockStore) => Promise<void>,
): Promise<void> {
  if (readPartition(store).index === 0) return work(store);
  return withStore(join(dirname(path), 'shard.0'), work);
}
