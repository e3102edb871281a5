import { expect, it } from 'vitest';
import { TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { encodeObjectInfo, INFO_ATTR, INFO_NEW, OBJECT_FLAG } from '../src/osd/ops/index.ts';
import { emptyInfo } from '../src/osd/pg/pg-info.ts';
import { PgState } from '../src/osd/pg/pg-state.ts';
import type { ChangeWatch } from '../src/osd/requests/write-path.ts';
import { Recount, type RecountScope } from '../src/osd/shard/recount.ts';
import { MemoryStore, type StoreOp } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';
import { loneView, objectNamed } from './support/pg-views.ts';

const VIEW = loneView(1);
/** In the order of their names, so that it is known what is counted first. */
const oidOf = (i: number): HObject => objectNamed(`o${String(i).padStart(4, '0')}`);
function put(c: string, i: number, attr: Uint8Array): StoreOp {
  return { op: 'setattrs', c, oid: oidOf(i), attrs: new Map([[INFO_ATTR, attr]]) };
}

it('counts what is there, with what changes meanwhile, and passes over what cannot be read', async () => {
  const store = new MemoryStore();
  const state = new PgState({ pool: 1, seed: 0 }, emptyInfo(1, VIEW, 1));
  await store.submit(state.create());
  const info = encodeObjectInfo({ ...INFO_NEW, size: 10, flags: OBJECT_FLAG.dirty });
  for (let i = 0; i < 600; i++) await store.submit([put(state.c, i, info)]);
  await store.submit([put(state.c, 5, Buffer.from('damaged'))]);
  state.stand({ ...TOTALS_ZERO, objects: 7, bytes: 7, wr: 3 }, true);
  const timers: (() => void)[] = [];
  let watch: ChangeWatch | undefined;
  const host = {
    store,
    clock: {
      setTimer: (_: number, fire: () => void) => {
        timers.push(fire);
        return { cancel: () => {} };
      },
    },
    submit: (ops: StoreOp[]) => store.submit(ops),
    statsChanged: () => {},
  };
  const pipeline = {
    watch: (w: ChangeWatch) => {
      watch = w;
      return () => {
        watch = undefined;
      };
    },
  };
  const recount = new Recount({ host, state, pipeline } as unknown as RecountScope);
  recount.start();
  timers.shift()!();
  const grown = { numObjects: 0, numBytes: 5, numObjectsDirty: 0, numObjectsOmap: 0 };
  // One that is counted, and one that is yet to be found as it is then.
  watch!(oidOf(1), grown as Parameters<ChangeWatch>[1]);
  watch!(oidOf(599), grown as Parameters<ChangeWatch>[1]);
  while (timers.length > 0) timers.shift()!();
  expect(state.totals).toMatchObject({ objects: 599, bytes: 5995, dirty: 599, wr: 3 });
  expect(state.info.isEstimated).toBe(false);
  expect(watch).toBeUndefined();
  expect(PgState.load(store, state.pgid)!.totals).toEqual(state.totals);
});
