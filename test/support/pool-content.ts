import type { Pool } from '../../src/client/index.ts';
import { firstObject } from '../../src/osd/recovery/import.ts';
import type { ObjectStore } from '../../src/store/index.ts';

/** Names of a pool's objects as its listing gives them, sorted. */
export async function namesIn(pool: Pool): Promise<string[]> {
  const out: string[] = [];
  for await (const o of pool.objects()) out.push(o.name);
  return out.sort();
}

/** Objects of a pool in a store, with their content. */
export async function heldOf(store: ObjectStore, pool: number): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for (const c of store.collections()) {
    if (!c.startsWith(`${pool}.`)) continue;
    for (const oid of store.list(c, firstObject(pool), 10_000).objects) {
      out.set(oid.name, Buffer.from(await store.read(c, oid, 0, 1 << 24)).toString('latin1'));
    }
  }
  return out;
}
