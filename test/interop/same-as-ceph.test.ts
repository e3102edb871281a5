// The same words to Debian's `ceph` and `rados`, on Sepiola and on a real Ceph side by side: same output, same exit code.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../../src/cluster/index.ts';
import { normalize, type Outcome, runTool, shape } from '../support/differential.ts';
import { interopSkip, toolsMissing } from '../support/interop.ts';
import {
  type ReferenceCluster,
  referenceMissing,
  startReference,
} from '../support/reference-cluster.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { pause } from '../support/until.ts';

/**
 * How two outcomes are compared: all of it; exit code and stderr only; the shape of the JSON on stdout; for words the
 * tool refuses by the table of commands, exit code and the sentences (the help texts in between are our own).
 */
type How = 'exact' | 'status' | 'shape' | 'refusal';
type Step = readonly [how: How, ...argv: string[]];

const missing =
  toolsMissing('ceph', 'rados', 'crushtool', 'osdmaptool') ??
  interopSkip(referenceMissing()) ??
  toolsMissing('ceph-mgr');

const words = (how: How, text: string): Step => [how, ...text.split(' ')];

/** In order: later steps see what earlier ones did. */
const STEPS: readonly Step[] = [
  words('exact', 'rados lspools'),
  words('exact', 'ceph osd pool create p1 8 8'),
  words('exact', 'ceph osd pool create p1 8 8'),
  words('exact', 'ceph osd pool create p2 8 8 replicated'),
  words('exact', 'ceph osd pool create p3 eight'),
  words('refusal', 'ceph osd pool create'),
  words('exact', 'ceph osd pool application enable p1 rados'),
  words('exact', 'ceph osd pool application enable p1 rbd'),
  words('exact', 'ceph osd pool application enable p2 rados'),
  words('exact', 'ceph osd pool application get p1'),
  words('exact', 'ceph osd pool ls'),
  words('exact', 'ceph osd pool ls --format json'),
  words('shape', 'ceph osd pool ls detail --format json'),
  words('exact', 'ceph osd pool get p1 size'),
  words('exact', 'ceph osd pool get p1 all'),
  words('exact', 'ceph osd pool get p1 pg_num --format json'),
  words('refusal', 'ceph osd pool get p1 nonsense'),
  words('exact', 'ceph osd pool get nopool size'),
  words('exact', 'ceph osd pool set p1 size 2'),
  words('exact', 'ceph osd pool set p1 min_size 1'),
  words('exact', 'ceph osd pool set p1 min_size 9'),
  words('exact', 'ceph osd pool set p1 pg_num_min 4'),
  words('exact', 'ceph osd pool set p1 pg_num_max 16'),
  words('exact', 'ceph osd pool set p1 pg_num 3'),
  words('exact', 'ceph osd pool set p1 pg_num 17'),
  words('exact', 'ceph osd pool set p1 pg_num 0'),
  words('exact', 'ceph osd pool set p1 pg_num 70000'),
  words('exact', 'ceph osd pool set p1 pg_num x'),
  words('exact', 'ceph osd pool set p1 pgp_num 0'),
  words('exact', 'ceph osd pool set p1 pgp_num 9'),
  words('exact', 'ceph osd pool set p1 pgp_num_actual 9'),
  words('exact', 'ceph osd pool set p1 pg_num_min 9'),
  words('exact', 'ceph osd pool set p1 pg_num_max 4'),
  words('exact', 'ceph osd pool set p1 pg_num_min 0'),
  words('exact', 'ceph osd pool set p1 pg_num_max 0'),
  words('exact', 'ceph osd pool set p1 nosizechange true'),
  words('exact', 'ceph osd pool set p1 min_size 1'),
  words('exact', 'ceph osd pool set p1 size 2'),
  words('exact', 'ceph osd pool set p1 nosizechange false'),
  words('exact', 'ceph osd pool set p1 nopgchange true'),
  words('exact', 'ceph osd pool set p1 pg_num 9'),
  words('exact', 'ceph osd pool set p1 pgp_num 4'),
  words('exact', 'ceph osd pool set p1 pgp_num_actual 4'),
  words('exact', 'ceph osd pool set p1 nopgchange false'),
  words('exact', 'ceph osd pool set p1 size 3'),
  words('exact', 'ceph osd pool set p1 nodelete true'),
  words('exact', 'ceph osd pool delete p1 p1 --yes-i-really-really-mean-it'),
  words('exact', 'ceph osd pool set p1 nodelete false'),
  words('exact', 'ceph osd pool rename p2 p2new'),
  words('exact', 'ceph osd pool rename nopool x'),
  words('exact', 'ceph osd pool delete p2new'),
  words('exact', 'ceph osd pool delete p2new p2new'),
  words('exact', 'ceph osd pool delete p2new p2new --yes-i-really-really-mean-it'),
  words('exact', 'ceph osd pool delete p2new p2new --yes-i-really-really-mean-it'),
  words('refusal', 'ceph nonsense'),
  words('refusal', 'ceph osd nonsense'),
  words('refusal', 'ceph osd pool set p1'),
  words('exact', 'ceph osd tree'),
  words('exact', 'ceph osd tree --format json'),
  words('exact', 'ceph osd stat'),
  words('shape', 'ceph osd stat --format json'),
  words('shape', 'ceph osd dump --format json'),
  words('shape', 'ceph osd df --format json'),
  words('shape', 'ceph df --format json'),
  words('shape', 'ceph df detail --format json'),
  words('shape', 'ceph status --format json'),
  words('shape', 'ceph health --format json'),
  words('exact', 'ceph health'),
  words('exact', 'ceph health detail'),
  words('status', 'ceph pg stat --format json'), // Ceph's is not valid JSON: one brace too many
  words('exact', 'ceph pg stat'),
  words('shape', 'ceph pg dump --format json'),
  words('shape', 'ceph pg ls --format json'),
  words('status', 'ceph pg dump'),
  words('shape', 'ceph pg map 2.0 --format json'),
  words('exact', 'ceph pg map 999.0'),
  words('shape', 'ceph mon dump --format json'),
  words('shape', 'ceph mon stat --format json'),
  words('shape', 'ceph versions --format json'),
  words('exact', 'ceph config set osd osd_max_backfills 3'),
  words('exact', 'ceph config get osd.0 osd_max_backfills'),
  words('exact', 'ceph config get osd osd_max_backfills'),
  words('exact', 'ceph config set osd no_such_option 1'),
  words('exact', 'ceph config set osd osd_max_backfills many'),
  words('exact', 'ceph config rm osd osd_max_backfills'),
  words('exact', 'ceph config get osd osd_max_backfills'),
  words('shape', 'ceph tell osd.0 version'),
  words('exact', 'ceph osd getmaxosd'),
  words('exact', 'ceph osd ls'),
  words('exact', 'ceph osd crush rule ls'),
  words('exact', 'ceph osd crush rule dump'),
  words('exact', 'ceph osd set noout'),
  words('exact', 'ceph health'),
  words('exact', 'ceph osd unset noout'),
  words('exact', 'ceph osd set-group noup,x osd.0'),
  words('exact', 'ceph osd set-group noup,noout osd.0 foo'),
  words('exact', 'ceph health detail'),
  words('exact', 'ceph osd unset-group noup,noout osd.0'),
  words('exact', 'ceph osd set-group noup foo'),
  words('exact', 'ceph osd set-group noin default'),
  words('exact', 'ceph health detail'),
  words('exact', 'ceph osd unset-group noin default'),
  words('exact', 'ceph osd add-nodown 0 9'),
  words('exact', 'ceph osd rm-nodown all'),
  words('exact', 'ceph health detail'),
  words('shape', 'ceph osd ok-to-stop 0 --format json'),
  words('exact', 'ceph osd ok-to-stop 9'),
  words('exact', 'ceph osd ok-to-stop x'),
  words('exact', 'ceph osd safe-to-destroy x'),
  words('exact', 'ceph osd purge 9 --force'),
  words('exact', 'ceph osd destroy 9 --force'),
  words('exact', 'ceph osd destroy 0 --force'),
  words('exact', 'ceph osd purge-new 0'),
  words('exact', 'ceph osd purge-new 0 --yes-i-really-mean-it'),
  words('exact', 'ceph osd purge-actual 9'),
  words('exact', 'ceph osd destroy-actual 9'),
  words('exact', 'ceph osd stop 9'),
  words('exact', 'ceph osd down 9'),
  words('exact', 'ceph osd down x'),
  words('exact', 'ceph osd out 9'),
  words('exact', 'ceph osd rm 0'),
  words('exact', 'ceph osd new 12345678-1234-1234-1234-123456789012 0'),
  words('exact', 'ceph osd new 12345678-1234-1234-1234-123456789012'),
  words('exact', 'ceph osd new 12345678-1234-1234-1234-123456789012 4'),
  words('exact', 'ceph osd new 12345678-1234-1234-1234-123456789012 3'),
  words('exact', 'ceph osd destroy 3 --force'),
  words('exact', 'ceph osd destroy 3 --force'),
  words('exact', 'ceph osd new 22345678-1234-1234-1234-123456789012 3'),
  words('exact', 'ceph osd new 22345678-1234-1234-1234-123456789012 3'),
  words('exact', 'ceph osd purge-new 3 --yes-i-really-mean-it'),
  words('exact', 'ceph osd purge 3'),
  words('exact', 'ceph osd lost 0'),
  words('exact', 'rados -p nopool ls'),
  words('exact', 'rados -p p1 ls'),
  words('exact', 'rados -p p1 get none /dev/null'),
  words('exact', 'rados -p p1 stat none'),
  words('exact', 'rados -p p1 rm none'),
  words('exact', 'rados -p p1 put small small.bin'),
  words('exact', 'rados -p p1 put empty empty.bin'),
  words('exact', 'rados -p p1 put nofile does-not-exist'),
  words('exact', 'rados -p p1 get small -'),
  words('exact', 'rados -p p1 stat small'),
  words('exact', 'rados -p p1 append small small.bin'),
  words('exact', 'rados -p p1 get small -'),
  words('exact', 'rados -p p1 truncate small 7'),
  words('exact', 'rados -p p1 get small -'),
  words('exact', 'rados -p p1 truncate small x'),
  words('exact', 'rados -p p1 setxattr small a value'),
  words('exact', 'rados -p p1 setxattr small b 2'),
  words('exact', 'rados -p p1 getxattr small a'),
  words('exact', 'rados -p p1 getxattr small none'),
  words('exact', 'rados -p p1 listxattr small'),
  words('exact', 'rados -p p1 rmxattr small a'),
  words('exact', 'rados -p p1 listxattr small'),
  words('exact', 'rados -p p1 setomapval small k1 v1'),
  words('exact', 'rados -p p1 setomapval small k2 v2'),
  words('exact', 'rados -p p1 getomapval small k1'),
  words('exact', 'rados -p p1 getomapval small none'),
  words('exact', 'rados -p p1 listomapkeys small'),
  words('exact', 'rados -p p1 listomapvals small'),
  words('exact', 'rados -p p1 rmomapkey small k1'),
  words('exact', 'rados -p p1 listomapkeys small'),
  words('exact', 'rados -p p1 setomapheader small head'),
  words('exact', 'rados -p p1 getomapheader small'),
  words('exact', 'rados -p p1 listomapvals none'),
  words('exact', 'rados -p p1 -N ns put inside small.bin'),
  words('exact', 'rados -p p1 -N ns ls'),
  words('exact', 'rados -p p1 --all ls'),
  words('exact', 'rados -p p1 --pgid 3.0 ls'),
  words('exact', 'rados -p p1 cp small copy'),
  words('exact', 'rados -p p1 get copy -'),
  words('exact', 'rados -p p1 listxattr copy'),
  words('exact', 'rados -p p1 listomapvals copy'),
  words('exact', 'rados -p p1 cp none copy2'),
  words('exact', 'rados -p p1 put large large.bin'),
  words('exact', 'rados -p p1 stat large'),
  words('exact', 'rados -p p1 get large large.out'),
  words('exact', 'rados -p p1 put huge huge.bin'),
  words('exact', 'rados -p p1 stat huge'),
  words('exact', 'rados -p p1 ls'),
  words('shape', 'rados df --format json'),
  words('exact', 'rados -p p1 rm small'),
  words('exact', 'rados -p p1 rm small'),
  words('exact', 'rados -p p1 nonsense'),
  words('status', 'rados bench -p p1 1 write -b 4096 -t 4 --no-cleanup'),
  words('status', 'rados bench -p p1 1 seq -t 4'),
  words('status', 'rados bench -p p1 1 rand -t 4'),
  words('status', 'rados -p p1 cleanup'),
  words('exact', 'rados -p p1 ls'),
  words('status', 'rados df'),
  words('status', 'ceph df'),
  words('status', 'ceph osd df'),
  words('status', 'ceph osd df tree'),
  words('status', 'ceph osd dump'),
  words('status', 'ceph mon dump'),
  words('status', 'ceph pg ls'),
  words('status', 'ceph osd pool ls detail'),
  words('exact', 'ceph osd pool create p4 0 0 nonsense'),
  words('exact', 'ceph osd pool create p4 8 8 replicated norule'),
  words('exact', 'ceph osd pool application disable p1 rados'),
  words('exact', 'ceph osd pool application rm p1 rados key'),
  words('exact', 'ceph osd pool get p1 min_size'),
  words('exact', 'ceph osd pool set-quota p1 max_objects 10'),
  words('exact', 'ceph osd pool get-quota p1'),
  words('exact', 'ceph osd find 0 --format nonsense'),
  words('exact', 'ceph osd out 9'),
  words('exact', 'ceph osd out x'),
  words('refusal', 'ceph osd reweight 0 2'),
  words('exact', 'ceph osd reweight 0 0.5'),
  words('exact', 'ceph osd reweight 0 1'),
  words('exact', 'ceph osd crush reweight osd.9 1'),
  words('exact', 'ceph osd crush tree'),
  words('exact', 'ceph osd crush class ls'),
  words('exact', 'ceph config set nonsense x y'),
  words('exact', 'ceph config get osd.0 no_such_option'),
  words('exact', 'ceph config-key set some/key value'),
  words('exact', 'ceph config-key get some/key'),
  words('exact', 'ceph config-key get none'),
  words('exact', 'ceph config-key rm some/key'),
  words('refusal', 'ceph tell osd.9 version'),
  words('refusal', 'ceph tell osd.0 nonsense'),
  words('exact', 'ceph fsid'),
  words('exact', 'ceph osd lspools'),
  words('exact', 'ceph pg dump_stuck'),
  words('exact', 'ceph osd blocklist ls'),
  words('exact', 'ceph balancer off'),
  words('exact', 'ceph balancer mode upmap'),
  words('exact', 'ceph balancer ls'),
  words('exact', 'ceph balancer pool ls'),
  words('exact', 'ceph balancer pool add p0'),
  words('exact', 'ceph balancer pool ls'),
  words('exact', 'ceph balancer pool rm p0'),
  words('exact', 'ceph balancer pool add nopool'),
  words('shape', 'ceph balancer status'),
  words('exact', 'ceph balancer eval nothing'),
  words('exact', 'ceph balancer optimize plan nopool'),
  words('exact', 'ceph balancer show noplan'),
  words('exact', 'ceph balancer execute noplan'),
  words('exact', 'ceph balancer rm noplan'),
  words('exact', 'ceph balancer reset'),
  words('refusal', 'ceph balancer mode nonsense'),
  words('exact', 'ceph osd test-reweight-by-pg 100'),
  words('exact', 'ceph osd test-reweight-by-pg 105 0.1 2 nopool'),
  words('exact', 'ceph osd test-reweight-by-pg 105 -- -1'),
  words('exact', 'ceph osd test-reweight-by-pg 105 0.1 -- -2'),
  words('exact', 'ceph osd reweightn nonsense'),
  words('exact', "ceph osd reweightn {'0':'65536'}"),
  words('exact', 'ceph progress on'),
  words('exact', 'ceph osd getmap -o map.bin'),
  words('exact', 'osdmaptool --print map.bin'),
  words('exact', 'ceph osd getcrushmap -o crush.bin'),
  words('exact', 'crushtool -d crush.bin'),
  words('exact', 'ceph osd setcrushmap -i crush.bin'),
  words('status', 'ceph osd setcrushmap -i small.bin'),
];

/** A device's class is what its disk is; its weight counts a store's own files or not. */
function same(text: string): string {
  // Ceph's own client sometimes logs this when it closes while a daemon answers.
  const quiet = text.replace(
    /^.* monclient: get_auth_request but no auth handler is set up\n+/gm,
    '',
  );
  return alikeJson(normalize(quiet)).replace(/\b0\.0[0-9]{3}[0-9]*\b/g, '<weight>');
}
function alikeJson(text: string): string {
  return text
    .replace(/\b(hdd|ssd)\b/g, '<class>')
    .replace(/\(([0-9a-f]{40}|sepiola)\) pacific/g, '(<build>) pacific');
}
function jsonOf(text: string): unknown {
  // Ceph's manager keeps a register of what OSDs said to it, which ours, in the monitor, has no need of.
  return JSON.parse(alikeJson(text), (key, value) => (key === 'servicemap' ? {} : value));
}

/** `rados stat` prints the time of the write, `setcrushmap` the new version, lists come in any order of PGs. */
function comparable(how: How, argv: readonly string[], o: Outcome, other: Outcome): unknown {
  const stderr = same(o.stderr);
  if (how === 'status') return { code: o.code, stderr };
  if (how === 'refusal') {
    const lines = stderr.trimEnd().split('\n');
    return { code: o.code, first: lines[0]!.split('(')[0], last: lines.at(-1) };
  }
  if (how === 'shape') {
    const parsed = [o, other].map((x) => (x.code === 0 ? jsonOf(x.stdout) : x.stdout));
    return { code: o.code, stderr, shape: shape(parsed[0], parsed[1]) };
  }
  let stdout = same(o.stdout);
  if (argv[0] === 'osdmaptool')
    stdout = stdout.replace(/\d+/g, '<n>').replace(/lifetime.*|<uuid>.*/g, '');
  if (argv.join(' ') === 'ceph pg stat') stdout = stdout.replace(/[\d.]+ [KMGT]?i?B/g, '<size>');
  if (/[gs]etcrushmap/.test(argv.join(' ')))
    return { code: o.code, stderr: stderr.replace(/^\d+$/m, '<n>') };
  return { code: o.code, stdout, stderr };
}

describe.skipIf(missing)(
  `Debian's tools see no difference${missing ? ` (${missing})` : ''}`,
  () => {
    let ours: Cluster;
    let real: ReferenceCluster;
    let dir: string;
    let confs: { ours: string; real: string };
    const folders = { ours: '', real: '' };

    beforeAll(async () => {
      dir = tempFolder('same');
      [ours, real] = await Promise.all([
        startCluster({ osds: 3, osdBytes: 10 * 2 ** 30 }),
        startReference(3, { mgr: true }),
      ]);
      confs = { ours: await ours.writeConf(), real: real.conf };
      // A real manager makes this pool by itself; with it here, pool ids are the same on both sides.
      const pool = ['ceph', 'osd', 'pool'];
      const bounds = ['--pg_num_min', '1', '--pg_num_max', '32'];
      const name = 'device_health_metrics';
      await runTool(confs.ours, [...pool, 'create', name, '1', '1', ...bounds]);
      await runTool(confs.ours, [...pool, 'application', 'enable', name, 'mgr_devicehealth']);
      for (const side of ['ours', 'real'] as const) {
        folders[side] = mkdtempSync(join(dir, side));
        writeFileSync(join(folders[side], 'small.bin'), 'small content\n');
        writeFileSync(join(folders[side], 'empty.bin'), '');
        writeFileSync(join(folders[side], 'large.bin'), Buffer.alloc(100 << 20, 'large '));
        writeFileSync(join(folders[side], 'huge.bin'), Buffer.alloc(132 << 20, 'huge '));
        await runTool(confs[side], ['ceph', 'osd', 'pool', 'create', 'p0', '8', '8']);
        await runTool(confs[side], ['ceph', 'osd', 'pool', 'application', 'enable', 'p0', 'rados']);
        await settled(confs[side]);
      }
    }, 240_000);
    afterAll(async () => {
      await ours?.close();
      await real?.stop();
      if (dir) rmSync(dir, { recursive: true, force: true });
    });

    test.for(STEPS.map((s, i) => [i, s] as const))('%i: %s', async ([, [how, ...argv]]) => {
      if (/pg |df|status|health/.test(argv.join(' '))) {
        await Promise.all([settled(confs.ours), settled(confs.real)]);
      }
      const compare = async (): Promise<void> => {
        const [a, b] = await Promise.all([
          runTool(confs.ours, argv, { cwd: folders.ours }),
          runTool(confs.real, argv, { cwd: folders.real }),
        ]);
        expect(comparable(how, argv, a, b)).toEqual(comparable(how, argv, b, a));
      };
      // How much a pool holds is known some seconds after it changed.
      if (argv.includes('get-quota')) await vi.waitFor(compare, { timeout: 30_000, interval: 500 });
      else await compare();
    });

    test('what came back is what went in', () => {
      for (const side of ['ours', 'real'] as const) {
        const [into, out] = ['large.bin', 'large.out'].map((f) =>
          readFileSync(join(folders[side], f)),
        );
        expect(into!.equals(out!)).toBe(true);
      }
    });
  },
);

/** Waits until every PG is active and clean, and the figures of all are in. */
async function settled(conf: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const { stdout } = await runTool(conf, ['ceph', 'status', '--format', 'json']);
    const { pgmap } = JSON.parse(stdout) as Status;
    const clean = pgmap.pgs_by_state.find((s) => s.state_name === 'active+clean');
    if (pgmap.num_pgs > 0 && clean?.count === pgmap.num_pgs) return;
    await pause(200);
  }
  throw new Error(`PGs of ${conf} did not become active+clean`);
}
interface Status {
  pgmap: { num_pgs: number; pgs_by_state: { state_name: string; count: number }[] };
}
