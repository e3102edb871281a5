// What an OSD that was marked down tells the monitor.
import { expect, it, onTestFinished, vi } from 'vitest';
import { emptyIncremental } from '../src/maps/index.ts';
import { markDead } from '../src/mon/services/osd-state.ts';
import { HeartbeatLinks } from '../src/osd/failure/heartbeat-links.ts';
import { Watch, type WatchHost } from '../src/osd/failure/watch.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { nodeRuntime } from '../src/runtime-node/index.ts';
import { MOSDFailure, MOSDMarkMeDead } from '../src/wire/index.ts';
import { FSID, makeWorld } from './mon-world.ts';

/** OSD 0 of three, which hears nothing of the two others. */
async function lonely() {
  const world = await makeWorld();
  for (const osd of [0, 1, 2]) await world.boot(osd);
  const silence = vi.spyOn(HeartbeatLinks.prototype, 'send').mockReturnValue();
  onTestFinished(() => silence.mockRestore());
  const types: number[] = [];
  const w = { world, types, now: 0, map: world.state().osdmap };
  const host: Partial<WatchHost> = {
    ...{ id: 0, fsid: FSID, config: new OsdConfig(), isLeaving: false, log: () => {} },
    clock: { monotonicMs: () => w.now, wallMs: () => w.now, setTimer: () => ({ cancel() {} }) },
    get map() {
      return w.map;
    },
    get isUpNow() {
      return w.map.isUp(0);
    },
    upFrom: (osd) => w.map.data.osdInfo.at(osd)!.upFrom,
    haveAll: () => true,
    neighbours: () => new Set([1, 2]),
    lease: () => ({ upFrom: 0, sentMs: 0, leaseMs: 0 }),
    send: () => {},
    clusterLog: () => {},
    sendToMon: ({ type }) => types.push(type),
  };
  const watch = new Watch(host as WatchHost, nodeRuntime({ log: () => {} }), () => {});
  watch.mapsChanged();
  const tick = (count: number): number[] => {
    for (let i = 0; i < count; i++) {
      w.now += 1000;
      watch.tick();
    }
    return types.splice(0);
  };
  const follow = (map = world.state().osdmap): void => {
    w.map = map;
    watch.mapsChanged();
  };
  return { world, tick, follow };
}

it('that it serves nobody any more, until a map says so: without a session nobody hears it', async () => {
  const { world, tick, follow } = await lonely();
  await world.run('osd down', { ids: ['0'] });
  follow();
  expect(tick(3)).toEqual(Array(3).fill(MOSDMarkMeDead.type));
  const { osdmap } = world.state();
  const next = { fsid: FSID, epoch: osdmap.epoch + 1, modified: osdmap.data.modified };
  follow(osdmap.applyIncremental({ ...emptyIncremental(next), ...markDead(osdmap, [0]) }));
  expect(tick(3)).toEqual([]);
});

it('who is silent, once more when it is up again: the monitor forgot what it said before', async () => {
  const { world, tick, follow } = await lonely();
  expect(tick(40)).toEqual(Array(2).fill(MOSDFailure.type));
  await world.run('osd down', { ids: ['0'] });
  follow();
  tick(3);
  await world.boot(0);
  follow();
  expect(tick(40)).toEqual(Array(2).fill(MOSDFailure.type));
});
