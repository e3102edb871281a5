// The stores of an OSD with several shards: one that is lost is missed, one that was never made is made.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openOsdStore } from '../src/cluster/osd-store.ts';
import { silent } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/index.ts';
import { tempFolder } from './support/temp-folder.ts';

async function openAndClose(path: string, index: number): Promise<void> {
  const place = { path, uuid: 'u', sizeBytes: 2 ** 26 };
  const { store } = await openOsdStore(place, { index, count: 2 }, systemClock, silent);
  await store.close();
}

it.each([0, 1])('the store of shard %i is not made anew where it was lost', async (lost) => {
  const path = join(tempFolder('shards'), 'osd.0');
  await openAndClose(path, 0);
  // A first start that was cut short here goes on.
  await openAndClose(path, 0);
  await openAndClose(path, 1);
  rmSync(join(path, `shard.${lost}`), { recursive: true });
  for (let tries = 0; tries < 2; tries++) {
    await expect(openAndClose(path, lost)).rejects.toThrow(/lost/);
    expect(existsSync(join(path, `shard.${lost}`))).toBe(false);
  }
  await openAndClose(path, 1 - lost);
  // All of the OSD is taken away: it is made anew.
  rmSync(path, { recursive: true });
  await openAndClose(path, 0);
});
