// `ceph osd crush ...` on Sepiola and on a real Ceph side by side: the same answers, and after every command the same map.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CrushMap,
  createDefaultCrushMap,
  decodeCrushMap,
  encodeCrushMap,
} from '../../src/crush/index.ts';
import { interopSkip } from '../support/interop.ts';
import { sessionMissing, shown } from '../support/mon-session.ts';
import { MonitorPair } from '../support/monitor-pair.ts';
import { referenceMissing } from '../support/reference-cluster.ts';

const missing = interopSkip(referenceMissing()) ?? interopSkip(sessionMissing());

/**
 * In order: each sees what those before it did. All but `osd` of every command stands here. (No weight set has
 * several positions: with them the real monitor writes beyond its memory, and dies.)
 */
const STEPS = `
crush add-bucket r1 rack
crush add-bucket r1 rack
crush add-bucket h1 host rack=r1
crush add-bucket h2 host rack=r2 root=default
crush add-bucket h3 host nonsense
crush add-bucket h4 host nonsense=x
crush add-bucket h4 osd
crush add-bucket h4 blade
crush add-bucket h~4 host
crush add-bucket
crush move h1 root=default
crush move h1 root=default
crush move nothing root=default
crush move h1 nonsense
crush move r2 host=h2
crush move osd.0 host=h1 root=default
crush move osd.0 host=h1
crush move osd.1 host=h2
crush move osd.2 rack=r1
crush tree
crush tree --format json
crush tree --show-shadow
crush tree --show-shadow --format json-pretty
crush set osd.2 0.5 host=h3 rack=r3 root=default
crush set osd.2 0.5 host=h3
crush set osd.2 0.75 host=h3
crush set osd.2 0.123456789 host=h3
crush set osd.9 1 host=h3
crush set osd.2 40000 host=h3
crush set osd.2 1 host=osd.1
crush set osd.2 1 rack=h3
crush set osd.2 1
crush add osd.2 2 host=h2 root=default
crush add osd.2 3 host=h2 root=default
crush add osd.2 1 root=default
crush add osd.2 1 host=new1 rack=new2 room=new3 root=default
crush add osd.9 1 host=h2
crush add osd.2 1 nonsense
crush tree
crush create-or-move osd.2 9 host=h2
crush create-or-move osd.2 9 host=h4 root=default
crush create-or-move osd.9 9 host=h4
crush create-or-move osd.2 9 host=osd.0
crush create-or-move 2 9 host=h4
crush reweight osd.2 1.25
crush reweight osd.2 1.23456789
crush reweight osd.2 40000
crush reweight osd.2 -1
crush reweight osd.77 1
crush reweight h2 1
crush reweight-subtree h2 0.3
crush reweight-subtree osd.1 1
crush reweight-subtree nothing 1
crush reweight-subtree r2 40000
crush reweight-all
crush link h2 rack=r1
crush link h2 rack=r1
crush link r2 host=h2
crush link osd.1 rack=r1
crush link nothing rack=r1
crush link default rack=r1
crush tree --show-shadow
crush unlink h2 r1
crush unlink h2 r1
crush link h2 rack=r1
crush rm h2 r1
crush rm osd.1 r1
crush rm osd.1 osd.2
crush create-or-move osd.1 1 host=h2
crush rm osd.1 nothing
crush rm nothing
crush rm r2
crush rm default
crush remove new1
crush unlink new2
crush unlink new2
crush rm new2
crush rm new3
crush rename-bucket nothing other
crush rename-bucket h4 h2
crush rename-bucket nothing h2
crush rename-bucket osd.1 other
crush rename-bucket h4 h5
crush tree --show-shadow
crush rename-bucket h4 h5
crush move h5 rack=r1
crush tree --show-shadow
crush swap-bucket nothing h2
crush swap-bucket h2 nothing
crush swap-bucket h2 h5
crush swap-bucket h2 h5 --yes-i-really-mean-it
crush swap-bucket r2 h2 --yes-i-really-mean-it
crush swap-bucket osd.0 osd.1 --yes-i-really-mean-it
crush add-bucket spare host
crush swap-bucket spare h5
crush tree --show-shadow
crush class ls
crush class create nvme
crush class create nvme
crush class ls --format json
crush class rename nvme fast
crush class rename nvme fast
crush class rename nvme slow
crush class rename fast hdd
crush class rm fast
crush class rm fast
crush class create na.me
crush set-device-class ssd osd.0
crush rm-device-class osd.0 osd.0 1
crush rm-device-class osd.0 osd.9
crush rm-device-class x
crush set-device-class ssd osd.0 osd.9 1 x
crush set-device-class ssd osd.0
crush set-device-class ssd all
crush rm-device-class all
crush set-device-class hdd all
crush set-device-class hdd all
crush rm-device-class osd.1
crush get-device-class osd.1 osd.2
crush set-device-class ssd osd.1
crush get-device-class osd.9 1 osd.0 1
crush get-device-class osd.0
crush get-device-class osd.9
crush get-device-class osd.0 1 --format json
crush get-device-class x
crush class ls
crush class ls-osd ssd
crush class ls-osd ssd --format json
crush class ls-osd none
crush tree --show-shadow
crush rule create-simple s1 default host
crush rule create-simple s1 default host
crush rule create-simple s2 default osd indep
crush rule create-simple s3 nothing host
crush rule create-simple s3 default blade
crush rule create-simple s3 default host sideways
crush rule create-replicated f1 default host ssd
crush rule create-replicated f1 default host ssd
crush rule create-replicated f2 default host none
crush rule create-replicated f2 r1 osd
crush rule create-replicated f3 nothing host
crush rule create-replicated f3 default blade
erasure-code-profile set p1 k=2 m=2 crush-failure-domain=osd crush-device-class=ssd
erasure-code-profile set p2 k=2 m=2 crush-root=nothing
crush rule create-erasure e1
crush rule create-erasure e1
crush rule create-erasure e2 p1
crush rule create-erasure e3 p2
crush rule create-erasure e3 none
crush rule ls
crush rule list --format json
crush rule ls-by-class ssd
crush rule ls-by-class ssd --format json
crush rule ls-by-class none
crush rule dump
crush rule dump e2 --format json
crush rule dump none
crush class rm ssd
crush rule rename e1 e4
crush rule rename e1 e4
crush rule rename e4 e4
crush rule rename e1 e9
crush rule rename e4 e2
crush rule rm e2
crush rule rm e2
crush rule rm f1
crush rule rm replicated_rule
crush class rm ssd
crush class ls
crush rm r1
crush rm osd.2
crush create-or-move osd.2 2 host=h3 rack=r3 root=default
crush set-device-class ssd osd.2
crush weight-set ls
crush weight-set dump
crush weight-set create p flat
crush weight-set create p positional
crush weight-set create none flat
crush weight-set create q flat
crush weight-set create none positional
crush weight-set create p sideways
crush weight-set create-compat
crush weight-set create-compat
crush weight-set ls
crush weight-set ls --format json
crush weight-set reweight p osd.0 1.5
crush weight-set reweight p osd.0 1.5 2.5
crush weight-set reweight q osd.0 1.5 2.5
crush weight-set reweight q osd.0 1.7
crush weight-set reweight p osd.9 1
crush weight-set reweight none osd.0 1
crush weight-set reweight-compat osd.1 0.1
crush weight-set reweight-compat osd.1 0.1 0.2
crush weight-set reweight-compat h2 5
crush weight-set dump --format json
crush tree
crush tree --show-shadow --format json
crush reweight osd.2 3
crush reweight osd.0 2
crush rm-device-class osd.0
crush set-device-class ssd osd.0
crush reweight-subtree r3 1.75
crush weight-set rm q
crush add-bucket h8 host root=default
crush move osd.0 host=h8
crush move h8 rack=r3
crush create-or-move osd.1 1 host=h9 rack=r3 root=default
crush link h8 rack=r2
crush unlink h8 r2
crush reweight-subtree r3 1.5
crush rm-device-class osd.0
crush set-device-class ssd osd.0
crush reweight-all
crush swap-bucket h8 h2 --yes-i-really-mean-it
crush rm osd.0
crush set osd.0 1 host=h8
crush add osd.0 1 host=h8 root=default
crush dump
crush weight-set dump
crush weight-set rm p
crush weight-set rm p
crush weight-set rm none
crush weight-set reweight p osd.0 1
crush weight-set rm-compat
crush weight-set rm-compat
crush weight-set reweight-compat osd.0 1
crush get-tunable straw_calc_version
crush get-tunable straw_calc_version --format json
crush set-tunable straw_calc_version 0
crush set-tunable straw_calc_version 2
crush set-tunable nonsense 2
crush tunables bobtail
crush show-tunables
crush tunables argonaut
crush show-tunables --format json
crush tunables firefly
crush add-bucket straw host root=default
crush create-or-move osd.1 1 host=straw root=default
crush add osd.2 2 host=straw
crush reweight osd.2 2.5
crush weight-set create-compat
crush set-all-straw-buckets-to-straw2
crush set-all-straw-buckets-to-straw2
crush tunables hammer
crush show-tunables
crush tunables jewel
crush tunables optimal
crush tunables default
crush tunables nonsense
crush ls h2
crush ls straw
crush ls osd.0
crush ls nothing
crush ls straw --format json
crush dump --format json
`
  .trim()
  .split('\n')
  .map((line) => ['osd', ...line.split(' ')]);

/** Commands that change nothing. */
const LOOKS = /tree|dump|show|get-| ls/;
const GET = ['osd', 'getcrushmap'];
const SET = ['osd', 'setcrushmap'];

describe.skipIf(missing)(`the CRUSH map of a real Ceph${missing ? ` (${missing})` : ''}`, () => {
  let pair: MonitorPair;
  /** What the real one holds. */
  let map: Buffer;
  const both = (words: readonly string[], input?: Uint8Array) => pair.both(words, input);

  beforeAll(async () => {
    pair = await MonitorPair.start(0);
    for (const id of ['0', '1', '2']) {
      const create = ['osd', 'new', randomUUID(), id];
      if (id !== '0') await pair.ours.run(create);
      await pair.real.run(create);
    }
    for (const pool of ['p', 'q']) {
      await both(['osd', 'pool', 'create', pool, '1', '1', 'replicated', '--size', '3']);
    }
    // The same disks would be of other classes and sizes for each.
    map = encodeCrushMap(
      createDefaultCrushMap({
        failureDomain: 'osd',
        osds: [0, 1, 2].map((id) => ({ id, weight: 0.01, loc: { host: 'vm', root: 'default' } })),
      }),
    );
    expect((await pair.ours.run(SET, map)).code).toBe(0);
    expect((await pair.real.run(SET, map)).code).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await pair?.[Symbol.asyncDispose]();
  });

  test.for(STEPS.map((words, i) => [i, words.join(' '), words] as const))(
    '%i: %s',
    async ([, , words]) => {
      const [a, b] = await both(words);
      expect(shown(a)).toEqual(shown(b));
      if (LOOKS.test(words.join(' '))) return;
      const [mine, its] = await both(GET);
      const same = mine.output.equals(its.output);
      map = its.output;
      // The dump tells where they differ; and the next step begins from the same map again.
      if (!same) await pair.ours.run(SET, map);
      if (!same) expect(decodeCrushMap(mine.output)).toEqual(decodeCrushMap(map));
      expect(same).toBe(true);
    },
  );

  const change = (edit: (m: CrushMap) => void): Buffer => {
    const copy = decodeCrushMap(map);
    edit(copy);
    return encodeCrushMap(copy);
  };

  test('maps that do not fit the pools are refused in the same words', async () => {
    const inputs = [
      Buffer.from('garbage'),
      Buffer.from([0, 0, 1]),
      change((m) => {
        m.rules[0] = undefined;
        m.ruleNames.delete(0);
      }),
      change((m) => {
        m.rules[0]!.minSize = 5;
      }),
      change((m) => {
        m.rules[0]!.type = 3;
      }),
      change((m) => {
        m.rules[0]!.ruleset = 7;
      }),
    ];
    for (const input of inputs) {
      const [a, b] = await both(SET, input);
      expect(shown(a)).toEqual(shown(b));
      expect(a.code).toBe(-22);
    }
  });

  test('a map is taken with the version before it, once', async () => {
    const input = change((m) => {
      m.tunables.chooseTotalTries = 60;
    });
    for (const session of [pair.ours, pair.real]) {
      const dump = (await session.run(['osd', 'dump', '--format', 'json'])).output.toString();
      const version = (JSON.parse(dump) as { crush_version: number }).crush_version;
      const set = async (prior: number, bytes: Uint8Array) =>
        shown(await session.run([...SET, String(prior)], bytes));
      const done = { code: 0, status: String(version + 1), output: '' };
      const why = `prior_version ${version - 1} != crush version ${version}`;
      expect(await set(version - 1, input)).toEqual({ code: -1, status: why, output: '' });
      expect(await set(version, input)).toEqual(done);
      expect(await set(version, input)).toEqual(done);
    }
    const [mine, its] = await both(GET);
    expect(mine.output.equals(its.output)).toBe(true);
  });
});
