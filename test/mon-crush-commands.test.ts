// `ceph osd crush ...` as a real monitor of 16.2 answered it, replayed: answers, and the map after each command.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { BUCKET_ALG, decodeCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import { makeWorld, type World } from './mon-world.ts';

interface Step {
  command: { prefix: string } & Record<string, unknown>;
  code: number;
  status: string;
  output: string;
  /** Checksum of the map that `getcrushmap` gave afterwards; absent when it was the one before. */
  map?: number;
}
const file = join(import.meta.dirname, 'golden/crush/commands.json.gz');
const recorded = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
  /** The maps before the first command and after the last, in base64. */
  first: string;
  last: string;
  record: Step[];
};

describe('commands recorded from a real monitor', () => {
  let w: World;
  const bytes = (): Buffer => Buffer.from(w.state().osdmap.data.crush);
  let before: number;

  beforeAll(async () => {
    w = await makeWorld({ osds: 3 });
    for (const id of [0, 1, 2]) await w.boot(id);
    for (const pool of ['p', 'q']) {
      await w.run('osd pool create', { pool, pg_num: 1, pgp_num: 1, size: 3 });
    }
    const set = await w.run('osd setcrushmap', {}, Buffer.from(recorded.first, 'base64'));
    expect(set.result).toBe(0);
    before = crc32c(0, bytes());
  });

  recorded.record.forEach(({ command: { prefix, ...args }, code, status, output, map }, i) => {
    it(`${i}: ${prefix} ${JSON.stringify(args)}`, async () => {
      const reply = await w.run(prefix, args);
      const text = Buffer.from(reply.output).toString();
      expect({ code: reply.result, status: reply.status, output: text }).toEqual({
        code,
        status,
        output,
      });
      const after = crc32c(0, bytes());
      expect(after).toBe(map ?? before);
      before = after;
    });
  });

  it('the map is the same at the end', () => {
    expect(bytes().equals(Buffer.from(recorded.last, 'base64'))).toBe(true);
  });
});

describe('a map that would do harm is refused', () => {
  const refused = async (
    w: World,
    edit: (m: ReturnType<typeof decodeCrushMap>) => void,
  ): Promise<string> => {
    const map = decodeCrushMap(Buffer.from(recorded.first, 'base64'));
    edit(map);
    const reply = await w.run('osd setcrushmap', {}, encodeCrushMap(map));
    expect(reply.result).toBe(-22);
    return reply.status;
  };

  it('with the reason', async () => {
    const w = await makeWorld({ osds: 3 });
    const cases: [string, Parameters<typeof refused>[1]][] = [
      [
        'rule 0 asks for 100000000 tries, the limit is 10000',
        (m) => m.rules[0]!.steps.unshift({ op: 8, arg1: 100_000_000, arg2: 0 }),
      ],
      [
        'bucket -1 contains itself',
        (m) => {
          const root = m.buckets.get(-1)!;
          if (root.alg !== BUCKET_ALG.STRAW2) throw new Error('another algorithm');
          root.items.push(-1);
          root.itemWeights.push(0);
        },
      ],
      ['rule 0 takes item -99, which does not exist', (m) => (m.rules[0]!.steps[0]!.arg1 = -99)],
      ['device ids reach 20000, the limit is 9999', (m) => m.itemNames.set(20_000, 'osd.20000')],
    ];
    for (const [reason, edit] of cases) expect(await refused(w, edit)).toContain(reason);
  });

  it('with ten problems at most, however many there are', async () => {
    const w = await makeWorld({ osds: 3 });
    const status = await refused(w, (m) => {
      for (let i = 0; i < 500; i++) m.itemNames.set(100 + i, 'same');
    });
    expect(status).toMatch(/; and 489 more$/);
  });
});
