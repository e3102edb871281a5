// Whole OSDs that are marked down, told to stop, or come back without their store.
import { describe, expect, it } from 'vitest';
import { CephError } from '../src/errors/index.ts';
import { MemoryStore } from '../src/store/index.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { pause, until } from './support/until.ts';

const start = (config: readonly (readonly [string, string])[] = []) =>
  OsdCluster.start(3, undefined, 1, new Map(config));
const map = (c: OsdCluster) => c.monitor.state().osdmap;
const log = (c: OsdCluster) => c.monitor.state().log.map(({ text }) => text);

describe('an OSD that lives', () => {
  it('and is marked down says so, serves nobody, and comes back when its peers answer', async () => {
    await using c = await start();
    const rados = await c.client();
    const before = map(c).data.osdInfo.at(1)!.upFrom;
    await until(() => (c.monitor.pgMap.osdStats.get(1)?.heartbeatPeers.length ?? 0) > 0);
    await rados.command({ prefix: 'osd down', ids: ['1'] });
    await until(() => map(c).data.osdInfo.at(1)!.upFrom > before);
    const { downAt } = map(c).data.osdInfo.at(1)!;
    expect(log(c)).toContain('Monitor daemon marked osd.1 down, but it is still running');
    expect(log(c)).toContain(`map e${downAt} wrongly marked me down at e${downAt}`);
    const { deadEpoch, laggyProbability } = map(c).data.osdXInfo.at(1)!;
    expect(deadEpoch).toBeGreaterThan(downAt);
    expect(laggyProbability).toBeCloseTo(0.3, 5);
    expect(c.fatal).toEqual([]);
  }, 60_000);

  it('and is marked down too often stops', async () => {
    await using c = await start([['osd_max_markdown_count', '0']]);
    const rados = await c.client();
    await rados.command({ prefix: 'osd down', ids: ['1'] });
    await until(() => c.fatal.length > 0);
    expect(String(c.fatal[0])).toContain('marked down 1 > osd_max_markdown_count 0');
    expect(map(c).isUp(1)).toBe(false);
  }, 60_000);

  it('and is told to stop ends', async () => {
    await using c = await start();
    const rados = await c.client();
    await rados.command({ prefix: 'osd stop', ids: ['2'] });
    await until(() => c.fatal.length > 0);
    expect((c.fatal[0] as CephError).code).toBe('ESHUTDOWN');
    expect(c.fatal[0]).toBeInstanceOf(CephError);
    expect(map(c).isUp(2)).toBe(false);
    c.fatal.length = 0;
    await c.startOsd(2);
    await c.osds[2]!.booted;
    expect(map(c).isUp(2)).toBe(true);
  }, 60_000);

  it('waits while noup is set for it, and comes up after that', async () => {
    await using c = await start();
    const rados = await c.client();
    await rados.command({ prefix: 'osd set-group', flags: 'noup', who: ['osd.1'] });
    await c.kill(1);
    await until(() => !map(c).isUp(1));
    const osd = await c.startOsd(1);
    await pause(1500);
    expect(map(c).isUp(1)).toBe(false);
    await rados.command({ prefix: 'osd unset-group', flags: 'noup', who: ['osd.1'] });
    await osd.booted;
    expect(map(c).isUp(1)).toBe(true);
  }, 60_000);
});

it('an OSD that comes back without its store has lost what it held, and gets it again', async () => {
  const stores = [0, 1, 2].map(() => new MemoryStore());
  const lasting = (id: number): MemoryStore =>
    new Proxy(stores[id]!, {
      get(target, key) {
        if (key === 'close') return async () => {};
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  await using c = await OsdCluster.start(3, lasting);
  const rados = await c.client();
  const pool = await rados.createPool('p', { pgNum: 4 });
  for (let i = 0; i < 20; i++) await pool.object(`o${i}`).writeFull(`content ${i}`);
  await c.kill(1);
  await until(() => !map(c).isUp(1));
  const downIn = map(c).epoch;
  c.stores[1] = new MemoryStore();
  await c.startOsd(1);
  await c.osds[1]!.booted;
  expect(map(c).data.osdInfo.at(1)!.lostAt).toBeGreaterThanOrEqual(downIn);
  const isClean = (): boolean => {
    const pgs = [...c.monitor.pgMap.pgStats.values()];
    return (
      pgs.length === 4 &&
      pgs.every(({ state, acting }) => (state & 6n) === 6n && acting.length === 3)
    );
  };
  await until(isClean);
  for (let i = 0; i < 20; i++) {
    expect((await pool.object(`o${i}`).read()).toString()).toBe(`content ${i}`);
  }
  expect(c.fatal).toEqual([]);
}, 60_000);
