import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { runCrushtool } from '../../src/cli/crushtool/index.ts';
import {
  addSimpleRule,
  BUCKET_ALG,
  buildLayers,
  compileCrushMap,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
} from '../../src/crush/index.ts';
import { withoutInnerNodes } from '../support/crush-maps.ts';
import { toolsMissing } from '../support/interop.ts';
import { PARALLEL_TREES } from '../support/parallel-trees.ts';
import { ToolPair } from '../support/tool-pair.ts';

/** Maps as their digest, text as it is. Ceph writes what memory holds into unused nodes of tree buckets. */
function sameFile(bytes: Uint8Array): unknown {
  if (bytes[0] !== 0 || bytes[2] !== 1) return Buffer.from(bytes).toString();
  const map = decodeCrushMap(bytes);
  const hasTree = [...map.buckets.values()].some((b) => b.alg === BUCKET_ALG.TREE);
  const same = hasTree ? encodeCrushMap(withoutInnerNodes(map)) : bytes;
  return createHash('sha1').update(same).digest('hex');
}

const golden = (name: string): Buffer =>
  readFileSync(new URL(`../golden/crush/${name}.crush`, import.meta.url));

/** Two roots, rules that overlap, a rule without devices, a device in two places. */
const ODD = `
device 0 osd.0 class ssd
device 1 osd.1
device 2 osd.2 class hdd
device 3 osd.3 class hdd
device 7 osd.7
type 0 osd
type 1 host
type 3 root
host a { id -2 alg straw2 hash 0 item osd.0 weight 1.000 item osd.1 weight 2.500 }
host b { id -3 alg straw hash 0 item osd.2 weight 0.000 item osd.3 weight 1.000 item osd.1 weight 1.0 }
host c { id -7 alg list hash 0 item osd.7 weight 0.3 }
root default { id -1 alg straw2 hash 0 item a weight 3.500 item b weight 2.000 }
root other { id -9 alg tree hash 0 item c weight 0.300 }
rule one { id 0 type replicated min_size 1 max_size 4 step take default step chooseleaf firstn 0 type host step emit }
rule two { id 2 type replicated min_size 2 max_size 3 step take default step choose indep 0 type osd step emit }
rule ssds { id 3 type erasure min_size 3 max_size 3 step set_choose_tries 100 step take default class ssd step chooseleaf indep 0 type host step emit }
rule both { id 4 type replicated min_size 1 max_size 2 step take default step chooseleaf firstn 1 type host step emit step take other step chooseleaf firstn -1 type host step emit }
`;
const SCRIPTS: Record<string, readonly string[]> = {
  'words that do not work': [
    '',
    '--foo',
    '-t',
    '--tree foo',
    '--tree -i',
    '-i @nope --tree',
    '-i @ --tree',
    '-i @odd.txt --tree',
    '-i - --tree',
    '-c @nope',
    '-c @odd.txt -d @odd',
    '--num-rep',
    '--num-rep --tree',
    '--num-rep 1.5',
    '--num-rep . --tree',
    '--num-rep abc',
    '--num-rep 99999999999',
    '--num-rep -- --tree',
    '--num_rep=abc',
    '--mark-down-ratio .',
    '--mark-down-ratio 1e40',
    '--pool-id 99999999999999999999',
    '--weight 1',
    '--weight x 1',
    '-w 1 1',
    '--min-rep 3 --tree',
    '--set-choose-total-tries abc --tree -i @odd',
    '--set-choose-total-tries abc --num-rep 3',
    '--set-choose-total-tries',
    '--add-item',
    '--add-item 5',
    '--add-item 5 1',
    '--add-item x 1 osd.5',
    '--loc host',
    '--reweight-item a',
    '--create-simple-rule',
    '--create-simple-rule a default host',
    '--create-replicated-rule a default',
    '--device-class',
    '--reclassify-bucket a b',
    '--output-name a',
    '--check',
    '--check --tree',
    '-- --tree',
    '--tree -- -i',
    '--test=1',
    '-h --foo',
    '-i @odd --bucket-tree',
    '-i @odd --tree -o @nope/x',
    '-i @odd --reweight -o @nope/x',
    '-d @odd -o @nope/x',
  ],
  'build layers': [
    '--build --num_osds 10 host straw2 3 root straw2 0 -o @m --tree',
    '--build --num_osds 10 host straw2 3 rack list 2 root tree 0 -o @m --dump',
    '--build --num_osds 7 host uniform 2 root uniform 0 -o @m --dump',
    '--build --num_osds 8 host straw 4 -o @m',
    '--build --num_osds 8 host straw2 4 root straw2 1 -o @m --tree -v',
    '--num_osds 5 --build root straw 0 -o @m --set-straw-calc-version 0',
    '--build --num_osds=4 osd straw2 2 root straw2 0 --tree',
    '--build --num_osds 2 abcdefghijklmnopqrst straw2 2 root straw2 0 --tree',
    '--build --num_osds 2 abcdefghijklmnopq straw2 2 root straw2 0 --tree -o @m',
    '--build --num_osds 0 root straw2 0',
    '--build root straw2 0',
    '--build --num_osds 4',
    '--build --num_osds 4 a b',
    '--build --num_osds 4 a foo 2',
    '--build --num_osds 4 r%d straw2 0',
    '--build --num_osds 4 root straw2 0 -c @odd.txt',
  ],
  'text and dumps': [
    '-d @odd',
    '-d @odd -o @text',
    '-c @odd.txt -o @again',
    '-c @odd.txt',
    '-c @odd.txt --tree',
    '-c @odd.txt -v -o @again',
    '-c @classes.txt -v',
    '-c @twice.txt --verbose',
    '-c @sets',
    ...[
      'json',
      'json-pretty',
      'xml',
      'xml-pretty',
      'html',
      'html-pretty',
      'table',
      'table-kv',
      'foo',
    ].flatMap((f) => [`-i @odd --dump -f ${f}`, `-i @sets --dump --format=${f}`]),
    '-i @sets --tree',
    '-i @classes --tree',
    '--dump',
    '--tree',
    '-i @odd --bucket-tree -b default',
    '-i @odd --bucket-tree --bucket-name nope',
    '-i @odd --bucket-tree --bucket-name osd.3',
    ...[0, 1, 7, 5, 99].map((id) => `-i @odd --show-location ${id}`),
    '-i @odd --check',
    '-i @odd --check 7 --tree',
    '-i @odd --check 8',
    '-i @odd --check 0',
    '-i @odd --compare @odd',
    '-i @odd --compare @sets --num-rep 2',
    '-i @odd --compare @nope',
    '-i @odd --compare @odd.txt',
  ],
  edits: [
    '-i @odd --set-choose-local-tries 3 --set-choose-local-fallback-tries 4 --set-choose-total-tries 5 --set-chooseleaf-descend-once 0 --set-chooseleaf-vary-r 2 --set-chooseleaf-stable 0 --set-straw-calc-version 0 --set-allowed-bucket-algs 22 -o @m -v',
    '-i @odd --set-choose-total-tries -1 -o @m',
    '-i @odd --set-chooseleaf-vary-r 257 -o @m',
    '-i @odd --reweight-item osd.1 3.7 -o @m',
    '-i @odd --reweight-item a 3.7 -o @m',
    '-i @odd --reweight-item nope 3.7 -o @n',
    '-i @odd --reweight-item osd.1 -1 -o @n',
    '-i @odd --reweight-item osd.1 abc -o @m',
    '-i @odd --remove-item osd.1 -o @m',
    '-i @odd --remove-item a -o @n',
    '-i @odd --remove-item nope -o @n',
    '-i @odd --add-item 5 1.25 osd.5 --loc host a --loc root default -o @m',
    '-i @odd --add-item 5 1.25 osd.5 --loc host fresh --loc root default -o @m',
    '-i @odd --add-item 9 1 osd.9 --loc host fresh --loc root alone -o @m',
    '-i @odd --add-item 5 1.25 osd.5 -o @n',
    '-i @odd --add-item 5 1.25 osd.3 --loc host a -o @n',
    '-i @odd --add-item 3 1.25 osd.3 --loc host b -o @n',
    '-i @odd --add-item 5 1.25 b@d --loc host a -o @n',
    '-i @odd --add-item 5 -3 osd.5 --loc host a -o @n',
    '-i @odd --add-item -5 1 osd.5 --loc host a -o @n',
    '-i @odd --add-item 5 1 osd.5 --loc host default -o @n',
    '-i @odd --update-item 3 2 osd.3 --loc host a -o @m',
    '-i @odd --update-item 3 2 osd.33 --loc host b -o @m',
    '-i @odd --update-item 3 1 osd.3 --loc host b -o @m',
    '-i @odd --add-bucket rack1 host --loc root default -o @m',
    '-i @odd --add-bucket rack1 host -o @m',
    '-i @odd --add-bucket a host -o @n',
    '-i @odd --add-bucket r osd -o @n',
    '-i @odd --add-bucket r nope -o @n',
    '-i @odd --add-bucket r! host -o @n',
    '-i @odd --add-bucket r host --loc root nope -o @m',
    '-i @odd --add-bucket r root --loc host a -o @n',
    '-i @odd --move a --loc root other -o @m',
    '-i @odd --move osd.0 --loc host c -o @m',
    '-i @odd --move osd.0 --loc host a -o @n',
    '-i @odd --move osd.0 -o @n',
    '-i @odd --move nope --loc host a -o @n',
    '-i @odd --move default --loc host a -o @n',
    '-i @odd --reweight -o @m',
    '-i @sets --reweight -o @m',
    '-i @odd --rebuild-class-roots -o @m',
    '-i @odd --set-subtree-class b nvme --reweight -o @m',
    '-i @odd --set-subtree-class nope nvme --reweight -o @m',
    '-i @odd --set-subtree-class b nvme --rebuild-class-roots --set-subtree-class a hdd -o @m',
    '-i @sets --add-item 40 1.5 osd.40 --loc host new --loc root default -o @m --tree',
    '-i @classes --remove-item osd.1 -o @m',
    '-i @roomy --set-choose-total-tries 7 -o @m --dump',
    '-i @roomy --remove-item osd.19 -o @m',
  ],
  rules: [
    '-i @odd --create-simple-rule r default host firstn -o @m',
    '-i @odd --create-simple-rule r default host indep -o @m',
    '-i @odd --create-simple-rule r default osd firstn -o @m',
    '-i @odd --create-replicated-rule r default host -o @m',
    '-i @odd --create-replicated-rule r default host --device-class hdd -o @m',
    '-i @odd --create-replicated-rule r other host --device-class nope -o @n',
    '-i @odd --create-replicated-rule one default host -o @n',
    '-i @odd --create-replicated-rule r nope host -o @n',
    '-i @odd --create-replicated-rule r default nope -o @n',
    '-i @odd --create-simple-rule r default host foo -o @n',
    '-i @odd --remove-rule two -o @m',
    '-i @odd --remove-rule ssds -o @m',
    '-i @odd --remove-rule nope -o @n',
  ],
  reclassify: [
    '-i @parallel --reclassify --reclassify-bucket %-ssd ssd default --reclassify-bucket ssd ssd default -o @m --tree',
    '-i @m --compare @parallel',
    '-i @parallel --set-subtree-class default hdd --reclassify --reclassify-root default hdd --reclassify-bucket %-ssd ssd default --reclassify-bucket ssd ssd default -o @m --tree',
    '-i @m --compare @parallel',
    '-i @parallel --reclassify --reclassify-root default hdd --reclassify-root ssd ssd -o @m --tree',
    '-i @odd --reclassify --reclassify-root default ssd -o @n',
    '-i @parallel --reclassify --reclassify-root nope hdd -o @n',
    '-i @parallel --reclassify --reclassify-bucket n% x nope -o @n',
    '-i @parallel --reclassify --reclassify-bucket n% x default -o @m --tree',
    '-i @parallel --reclassify -o @m',
  ],
  tests: [
    '-i @odd --test',
    '-i @odd --test --num-rep 2 --show-mappings --max-x 20 --min-x 3',
    '-i @odd --test --show-bad-mappings --x 5',
    '-i @odd --test --show-statistics --min-rule 1 --max-rule 9',
    '-i @odd --test --show-statistics --rule 1',
    '-i @odd --test --show-statistics --ruleset 2',
    '-i @odd --test --show-utilization --rule 0',
    '-i @odd --test --show-utilization-all --rule 0 --weight 1 0.3 --weight 99 1 --weight 0 7',
    '-i @odd --test --show-utilization --show-utilization-all --rule 2 --num-rep 3',
    '-i @odd --test --show-choose-tries --num-rep 2',
    '-i @sets --test --show-choose-tries --show-statistics --num-rep 3',
    '-i @sets --test --show-mappings --pool-id 3 --num-rep 3 --max-x 50 --min-x 0',
    '-i @sets --test --show-utilization --pool-id -1 --num-rep 4',
    '-i @sets --test --show-mappings --pool-id 5000000000 --num-rep 3 --x 7',
    '-i @classes --test --show-statistics --show-bad-mappings --num-rep 5 --max-x 200 --min-x 0',
    '-i @odd --test --simulate --show-mappings --num-rep 2 --max-x 40 --min-x 0',
    '-i @classes -t -s --show-mappings --show-utilization-all --num-rep 3 --max-x 60 --min-x 0',
    '-i @even --test --show-utilization-all --mark-down-ratio .5 --num-rep 3 --rule 0',
    '-i @even --test --show-utilization-all --mark-down-ratio 0.4 --mark-down-bucket-ratio .5 --num-rep 3',
    '-i @even --test --simulate --show-mappings --mark-down-ratio 0.4 --mark-down-bucket-ratio .5 --num-rep 3',
    '-i @even --compare @even --mark-down-ratio .5 --num-rep 3',
    '-i @odd --test --num-rep 0 --show-statistics',
    '-i @odd --test --num-rep -1 --show-statistics --rule 3',
    '-i @odd --test --show-statistics --min-x 5 --max-x 4',
    '-i @odd --test --output-csv --output-name @csv --num-rep 2 --batches 3 --weight 3 0',
    '-i @odd --test --output-csv --output-name @csv1 --rule 0 --max-x 10 --min-x 0',
    '-i @odd --test --output-csv --output-name @csv2 --rule 3 --max-x 10 --min-x 0 --batches 20',
    '-i @odd --test --show-mappings --set-choose-total-tries 1 --num-rep 3 --max-x 10 --min-x 0',
    '--test --show-statistics',
  ],
};

/** Keeps Ceph's log, with its times, out of the output, and its crashes out of the system's files. */
const QUIET = '--debug-crush 0 --err-to-stderr=false --log-to-stderr=false --crash-dir=';
const skip = toolsMissing('crushtool');

describe.skipIf(skip)('crushtool, as Ceph has it', () => {
  const pair = skip
    ? undefined
    : new ToolPair('crushtool', runCrushtool, sameFile, {
        CEPH_ARGS: QUIET,
      });
  beforeAll(() => {
    pair?.write('odd.txt', ODD);
    pair?.write('classes.txt', decompileCrushMap(decodeCrushMap(golden('classes'))));
    pair?.write(
      'twice.txt',
      `${ODD}\nrule one { id 9 type replicated min_size 1 max_size 4 step emit }\n`,
    );
    pair?.write('odd', encodeCrushMap(compileCrushMap(ODD)));
    pair?.write('parallel', encodeCrushMap(compileCrushMap(PARALLEL_TREES)));
    const { map, root } = buildLayers(20, [
      { name: 'host', alg: BUCKET_ALG.STRAW2, size: 4 },
      { name: 'root', alg: BUCKET_ALG.STRAW2, size: 0 },
    ]);
    addSimpleRule(map, { name: 'r', root, failureDomain: 'host' });
    pair?.write('even', encodeCrushMap(map));
    pair?.write('roomy', encodeCrushMap({ ...map, maxDevices: 30 }));
    pair?.write('sets', golden('choose-args'));
    pair?.write('classes', golden('classes'));
  });
  afterAll(() => pair?.remove());

  for (const [name, lines] of Object.entries(SCRIPTS)) {
    it(name, async () => {
      for (const line of lines) await pair!.expectSame(line);
    });
  }
});
