// Debian's ceph shows how long our OSDs' stores and heartbeats take.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runTool } from '../support/differential.ts';
import { toolsMissing } from '../support/interop.ts';
import { OsdCluster } from '../support/osd-cluster.ts';

const missing = toolsMissing('ceph', 'rados');

interface Perf {
  id: number;
  perf_stats: Record<`${'commit' | 'apply'}_latency_${'ms' | 'ns'}`, number>;
}

describe.skipIf(missing)(`times of OSDs${missing ? ` (${missing})` : ''}`, () => {
  let cluster: OsdCluster;
  let dir: string;
  let conf: string;

  async function run(...words: string[]): Promise<string> {
    const r = await runTool(conf, words);
    expect(r.code, `${words.join(' ')}: ${r.stderr.slice(0, 2000)}`).toBe(0);
    return r.stdout;
  }
  async function until<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
    for (let i = 0; i < 60; i++) {
      const value = await ask();
      if (isSo(value)) return value;
      await new Promise((go) => setTimeout(go, 250));
    }
    throw new Error(`it stays ${JSON.stringify(await ask())}`);
  }

  beforeAll(async () => {
    const config = new Map([
      ['osd_heartbeat_interval', '1'],
      ['debug_heartbeat_testing_span', '1'],
    ]);
    cluster = await OsdCluster.start(2, undefined, 1, config);
    dir = mkdtempSync(join(tmpdir(), 'sepiola-times-'));
    conf = join(dir, 'ceph.conf');
    writeFileSync(conf, cluster.conf);
    await run('ceph', 'osd', 'pool', 'create', 'p', '4');
    writeFileSync(join(dir, 'data'), Buffer.alloc(4000));
  }, 60_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test('ceph osd perf tells of the writes of late', async () => {
    const ask = async (): Promise<Perf[]> => {
      await run('rados', '-p', 'p', 'put', 'a', join(dir, 'data'));
      const text = await run('ceph', 'osd', 'perf', '--format', 'json');
      return JSON.parse(text).osdstats.osd_perf_infos;
    };
    const infos = await until(ask, (all) =>
      [0, 1].every((id) => all.some((i) => i.id === id && i.perf_stats.commit_latency_ns > 0)),
    );
    for (const { perf_stats: s } of infos) {
      expect(s.commit_latency_ms).toBe(Math.floor(s.commit_latency_ns / 1e6));
      expect(s.apply_latency_ns).toBe(s.commit_latency_ns);
    }
    const [head, ...rows] = (await run('ceph', 'osd', 'perf')).trimEnd().split('\n');
    expect(head).toBe('osd  commit_latency(ms)  apply_latency(ms)');
    expect(rows.map((row) => row.length)).toEqual([head!.length, head!.length]);
    for (const row of rows) expect(row).toMatch(/^ {2}[01] +\d+ +\d+$/);
  });

  test('ceph tell osd.N dump_osd_network lists heartbeats from a threshold on', async () => {
    const ask = async () =>
      JSON.parse(await run('ceph', 'tell', 'osd.0', 'dump_osd_network', '0')) as {
        threshold: number;
        entries: Record<string, unknown>[];
      };
    const { threshold, entries } = await until(ask, (v) => v.entries.length === 2);
    expect(threshold).toBe(0);
    expect(entries.map((e) => [e['from osd'], e['to osd'], e.stale])).toEqual([
      [0, 1, false],
      [0, 1, false],
    ]);
    expect(entries.map((e) => e.interface).sort()).toEqual(['back', 'front']);
    const times = {
      '1min': expect.any(Number),
      '5min': expect.any(Number),
      '15min': expect.any(Number),
    };
    for (const entry of entries) {
      expect(entry).toMatchObject({
        average: times,
        min: times,
        max: times,
        last: expect.any(Number),
      });
      expect(entry['last update']).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
    }
    const quiet = JSON.parse(await run('ceph', 'tell', 'osd.0', 'dump_osd_network'));
    expect(quiet).toEqual({ threshold: 1000, entries: [] });
  });
});
