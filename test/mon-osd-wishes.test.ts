import { beforeEach, describe, expect, it } from 'vitest';
import { OsdWishes } from '../src/mon/services/osd-wishes.ts';
import { PAXOS_ZERO } from '../src/wire/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';

let w: World;
const map = () => w.state().osdmap;
const alive = (have: number, want: number) => ({
  paxos: { ...PAXOS_ZERO, version: BigInt(have) },
  want,
});
const temp = (seed: number, osds: number[] = []) => ({
  paxos: PAXOS_ZERO,
  epoch: map().epoch,
  pgTemp: [{ pgid: { pool: 1, seed }, osds }],
  forced: false,
});
const fulfil = async (wishes: OsdWishes): Promise<boolean> => {
  const osdmap = wishes.take(map());
  if (osdmap) await w.ledger.propose({ osdmap });
  return osdmap !== undefined;
};

beforeEach(async () => {
  w = await makeWorld();
  await bootAll(w);
  await w.run('osd pool create', { pool: 'p', pg_num: 8, size: 2 });
});

describe('up_thru', () => {
  it('becomes the newest epoch of each OSD that asks, in one epoch for all', async () => {
    const wishes = new OsdWishes();
    const { epoch } = map();
    expect(wishes.upThru(map(), 0, alive(epoch, epoch - 1))).toBe(true);
    expect(wishes.upThru(map(), 1, alive(epoch - 1, epoch - 1))).toBe(true);
    expect(await fulfil(wishes)).toBe(true);
    expect(map().epoch).toBe(epoch + 1);
    expect([0, 1].map((o) => map().data.osdInfo.at(o)!.upThru)).toEqual([epoch, epoch - 1]);
    expect(wishes.upThru(map(), 0, alive(epoch + 1, epoch))).toBe(false);
    expect(await fulfil(wishes)).toBe(false);
  });
  it('is never raised for who is down, past the newest epoch, or past what the OSD knows', async () => {
    const wishes = new OsdWishes();
    const { epoch } = map();
    expect(wishes.upThru(map(), 1, alive(epoch - 1, epoch))).toBe(false);
    expect(wishes.upThru(map(), 0, alive(epoch + 7, epoch))).toBe(true);
    await w.run('osd down', { ids: ['1'] });
    expect(wishes.upThru(map(), 1, alive(epoch, epoch))).toBe(false);
    await fulfil(wishes);
    expect(map().data.osdInfo.at(0)!.upThru).toBe(epoch);
    expect(map().data.osdInfo.at(1)!.upThru).toBe(0);
  });
});

describe('a pg_temp', () => {
  it('ends when the acting primary says so, and only then', async () => {
    const wishes = new OsdWishes();
    const up = map().pgToUpActing({ pool: 1, seed: 3 }).up;
    const others = map()
      .osds()
      .filter((o) => !up.includes(o));
    const acting = [...others, ...up].slice(0, 2);
    const said = await w.run('osd pg-temp', { pgid: '1.3', id: acting });
    expect(said).toMatchObject({ result: 0 });
    expect(map().pgToUpActing({ pool: 1, seed: 3 }).acting).toEqual(acting);
    expect(wishes.noTemp(map(), acting[1]!, temp(3))).toBe(false);
    expect(wishes.noTemp(map(), acting[0]!, temp(3, [5, 6]))).toBe(false);
    expect(wishes.noTemp(map(), acting[0]!, temp(2))).toBe(false);
    expect(wishes.noTemp(map(), acting[0]!, temp(3))).toBe(true);
    expect(await fulfil(wishes)).toBe(true);
    expect(map().pgToUpActing({ pool: 1, seed: 3 }).acting).toEqual(up);
    expect(map().data.pgTemp.size).toBe(0);
  });
});
