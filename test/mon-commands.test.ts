import { describe, expect, it } from 'vitest';
import { decodeCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import { monCommands } from '../src/mon/index.ts';
import { commandDescriptions, parseSignature, prefixOf } from '../src/mon/signature.ts';
import { healthChecks } from '../src/mon/views/index.ts';
import { openLmdb } from '../src/runtime-node/index.ts';
import { bootAll, makeWorld, openWorld, type World } from './mon-world.ts';
import { tempFolder } from './support/temp-folder.ts';

type Args = Record<string, unknown>;
/** A command with its arguments, the result's errno, and the status or (after `>`) the output. */
type Case = readonly [prefix: string, args: Args, result: number, text: string];

async function play(w: World, cases: readonly Case[]): Promise<void> {
  for (const [prefix, args, result, text] of cases) {
    const reply = await w.run(prefix, args);
    const said = text.startsWith('>') ? `>${reply.output}` : reply.status;
    const shown = `${prefix} ${JSON.stringify(args)}`;
    expect(`${shown}: ${reply.result} ${said}`).toBe(`${shown}: ${result} ${text}`);
  }
}

const sure = { yes_i_really_mean_it: true };
const surely = { yes_i_really_really_mean_it: true };

// Results and texts were taken from a monitor of release 16.2.15.
describe('commands answer as a monitor of Ceph does', () => {
  it('a count or an id with a fraction is none', async () => {
    const w = await makeWorld();
    const before = w.state().osdmap;
    await play(w, [
      ['osd setmaxosd', { newmax: 7.5 }, -22, "bad or missing field 'newmax'"],
      ['osd new', { id: 0.5 }, -22, "bad or missing field 'id'"],
      ['osd new', { id: 1e300 }, -22, "bad or missing field 'id'"],
      ['osd pg-upmap', { pgid: '1.0', id: [0, 1.5] }, -22, "bad or missing field 'id'"],
    ]);
    expect(w.state().osdmap).toBe(before);
  });

  it('a list holds words and numbers, whatever JSON could hold', async () => {
    const w = await makeWorld();
    // What has no text at all is the worst of them.
    const strange = [{ toString: 1, valueOf: 1 }, [], null, true];
    await play(
      w,
      strange.map((word): Case => ['osd out', { ids: [word] }, -22, "bad or missing field 'ids'"]),
    );
    expect((await w.run('osd out', { ids: ['9', 9] })).result).toBe(0);
  });

  it('what the store could not keep is refused before it', async () => {
    const kv = await openLmdb(tempFolder('long-keys'));
    try {
      const w = await makeWorld({ kv });
      const long = 'x'.repeat(1900);
      for (const [prefix, args] of [
        ['config set', { who: `client.${long}`, name: 'mon_max_osd', value: '9' }],
        ['config set', { who: 'client.é', name: long, value: '9', force: true }],
        ['config-key set', { key: long, val: 'v' }],
        ['health mute', { code: long, sticky: true }],
      ] as const) {
        expect([prefix, (await w.run(prefix, args)).result]).toEqual([prefix, -36]);
      }
    } finally {
      await kv.close();
    }
  });

  it('who is blocklisted for longer than stamps reach is so to the end, also after a restart', async () => {
    const w = await makeWorld();
    await w.run('osd blocklist', { blocklistop: 'add', addr: '1.2.3.4:0/5', expire: 1e10 });
    const { blocklist } = w.state().osdmap.data;
    expect(blocklist.map(([, until]) => until.sec)).toEqual([2 ** 32 - 1]);
    expect(openWorld(w.kv).state().osdmap.data.blocklist).toEqual(blocklist);
  });

  it('as many OSDs as may be allowed can be had', async () => {
    const w = await makeWorld();
    await play(w, [
      [
        'config set',
        { who: 'mon', name: 'mon_max_osd', value: '100001' },
        -22,
        "error parsing value: Value '100001' exceeds maximum 100000",
      ],
      ['config set', { who: 'mon', name: 'mon_max_osd', value: '100000' }, 0, ''],
      ['osd setmaxosd', { newmax: 100_000 }, 0, 'set new max_osd = 100000'],
    ]);
  });

  it('pools are made, renamed and removed', async () => {
    const w = await makeWorld();
    await bootAll(w);
    const remove = (pool: string) => ({ pool, pool2: pool, ...surely });
    const warning =
      'WARNING: this will *PERMANENTLY DESTROY* all data stored in pool p.  If you are *ABSOLUTELY CERTAIN* that is what you want, pass the pool name *twice*, followed by --yes-i-really-really-mean-it.';
    await play(w, [
      ['osd pool create', { pool: 'p' }, 0, "pool 'p' created"],
      ['osd pool create', { pool: 'p' }, 0, "pool 'p' already exists"],
      ['osd pool create', {}, -22, '(22) Invalid argument'],
      ['osd pool create', { pool: 3 }, -22, "bad or missing field 'pool'"],
      ['osd pool create', { pool: 'q', pg_num: '8' }, -22, "bad or missing field 'pg_num'"],
      ['osd pool create', { pool: 'q', pg_num: 1.5 }, -22, "bad or missing field 'pg_num'"],
      [
        'osd pool create',
        { pool: 'q', pg_num: 4, pgp_num: 8 },
        -34,
        "'pgp_num' must be greater than 0 and lower or equal than 'pg_num', which in this case is 4",
      ],
      [
        'osd pool create',
        { pool: 'q', pg_num: 70000 },
        -34,
        "'pg_num' must be greater than 0 and less than or equal to 65536 (you may adjust 'mon max pool pg num' for higher values)",
      ],
      [
        'osd pool create',
        { pool: 'q', pg_num: 4000 },
        -34,
        ' pg_num 4000 size 3 would mean 12096 total pgs, which exceeds max 750 (mon_max_pg_per_osd 250 * num_in_osds 3)',
      ],
      [
        'osd pool create',
        { pool: 'q', erasure_code_profile: 'foo' },
        -2,
        "specified rule foo doesn't exist",
      ],
      [
        'osd pool create',
        { pool: 'q', size: 11 },
        -22,
        'pool size is bigger than the crush rule max size',
      ],
      [
        'osd pool create',
        { pool: 'q', size: 1 },
        -1,
        'configuring pool size as 1 is disabled by default.',
      ],
      [
        'osd pool create',
        { pool: 'q', pool_type: 'erasure' },
        -95,
        'erasure coded pools are not supported',
      ],
      ['osd pool rm', { pool: 'p' }, -1, warning],
      ['osd pool rm', { pool: 'p', pool2: 'q', ...surely }, -1, warning],
      ['osd pool rm', remove('nosuch'), 0, "pool 'nosuch' does not exist"],
      [
        'osd pool rename',
        { srcpool: 'x', destpool: 'p' },
        0,
        "pool 'x' does not exist; pool 'p' does -- assuming successful rename",
      ],
      ['osd pool rename', { srcpool: 'x', destpool: 'y' }, -2, "unrecognized pool 'x'"],
      ['osd pool rename', { srcpool: 'p', destpool: 'y' }, 0, "pool 'p' renamed to 'y'"],
      ['osd pool rm', remove('y'), 0, "pool 'y' removed"],
      ['osd pool create', { pool: 'z' }, 0, "pool 'z' created"],
    ]);
    // The id of a removed pool is never used again: OSDs may still hold data under it.
    expect(w.state().osdmap.poolByName('z')?.id).toBe(2);
  });

  it('pools are not deleted unless the option allows it', async () => {
    const w = await makeWorld({ config: new Map() });
    const no =
      'pool deletion is disabled; you must first set the mon_allow_pool_delete config option to true before you can destroy a pool';
    await play(w, [
      ['osd pool create', { pool: 'p' }, 0, "pool 'p' created"],
      ['osd pool rm', { pool: 'p', pool2: 'p', ...surely }, -1, no],
      ['config set', { who: 'mon', name: 'mon_allow_pool_delete', value: 'true' }, 0, ''],
      ['osd pool rm', { pool: 'p', pool2: 'p', ...surely }, 0, "pool 'p' removed"],
    ]);
  });

  it('what the configuration file says comes before what is stored', async () => {
    const w = await makeWorld({ conf: new Map([['osd_pool_default_size', '2']]) });
    expect(w.state().option('osd_pool_default_size')).toBe(2);
    const size = { who: 'global', name: 'osd_pool_default_size', value: '1' };
    await play(w, [['config set', size, 0, '']]);
    expect(w.state().option('osd_pool_default_size')).toBe(2);
    const grace = { who: 'mon', name: 'mon_osd_min_down_reporters', value: '5' };
    await play(w, [['config set', grace, 0, '']]);
    expect(w.state().option('mon_osd_min_down_reporters')).toBe(5);
  });

  it('variables of pools are set and shown', async () => {
    const w = await makeWorld();
    await w.run('osd pool create', { pool: 'p' });
    const set = (name: string, val: string, result: number, text: string, more = {}): Case => [
      'osd pool set',
      { pool: 'p', var: name, val, ...more },
      result,
      text,
    ];
    const get = (name: string, result: number, text: string): Case => [
      'osd pool get',
      { pool: 'p', var: name },
      result,
      text,
    ];
    await play(w, [
      set('size', '2', 0, 'set pool 1 size to 2'),
      set('size', '11', -22, 'pool size must be between 1 and 10'),
      set(
        'size',
        'x',
        -22,
        "error parsing integer value 'x': Expected option value to be integer, got 'x'",
      ),
      set('size', '3', 0, 'set pool 1 size to 3'),
      get('min_size', 0, '>min_size: 2\n'),
      set('min_size', '4', -22, 'pool min_size must be between 1 and size, which is set to 3'),
      set('pgp_num', '1000', -22, 'specified pgp_num 1000 > pg_num 32'),
      set('pgp_num', '0', -22, 'specified pgp_num must > 0, but you set to 0'),
      set('nodelete', 'maybe', -22, "expecting value 'true', 'false', '0', or '1'"),
      set('nodelete', '1', 0, 'set pool 1 nodelete to 1'),
      [
        'osd pool rm',
        { pool: 'p', pool2: 'p', ...surely },
        -1,
        'pool deletion is disabled; you must unset nodelete flag for the pool first',
      ],
      set('hit_set_type', 'bloom', -13, '(13) Permission denied'),
      get('hit_set_type', -13, "pool 'p' is not a tier pool: variable not applicable"),
      get('erasure_code_profile', -13, "pool 'p' is not a erasure pool: variable not applicable"),
      get('target_size_bytes', -2, "option 'target_size_bytes' is not set on pool 'p'"),
      ['osd pool create', { pool: 'o', pg_num_min: 4 }, 0, "pool 'o' created"],
      ['osd pool get', { pool: 'o', var: 'pg_num_min' }, 0, '>pg_num_min: 4\n'],
      set('target_size_bytes', '10G', 0, 'set pool 1 target_size_bytes to 10G'),
      get('target_size_bytes', 0, '>target_size_bytes: 10737418240\n'),
      set('target_size_bytes', '0', 0, 'set pool 1 target_size_bytes to 0'),
      get('target_size_bytes', -2, "option 'target_size_bytes' is not set on pool 'p'"),
      set('csum_type', 'crc32c', -95, 'pool option csum_type is not supported'),
      ['osd pool set', { pool: 'q', var: 'size', val: '1' }, -2, "unrecognized pool 'q'"],
      [
        'osd pool set-quota',
        { pool: 'p', field: 'max_bytes', val: '10M' },
        0,
        'set-quota max_bytes = 10485760 for pool p',
      ],
      [
        'osd pool get-quota',
        { pool: 'p' },
        0,
        ">quotas for pool 'p':\n  max objects: N/A\n  max bytes  : 10 MiB  (current num bytes: 0 bytes)\n",
      ],
    ]);
  });

  it('applications of pools are declared', async () => {
    const w = await makeWorld();
    await w.run('osd pool create', { pool: 'p' });
    const app = (verb: string, args: Args, result: number, text: string): Case => [
      `osd pool application ${verb}`,
      { pool: 'p', ...args },
      result,
      text,
    ];
    await play(w, [
      app('enable', { app: 'rbd' }, 0, "enabled application 'rbd' on pool 'p'"),
      app(
        'enable',
        { app: 'rgw' },
        -1,
        "Are you SURE? Pool 'p' already has an enabled application; pass --yes-i-really-mean-it to proceed anyway",
      ),
      app('enable', { app: 'rgw', ...sure }, 0, "enabled application 'rgw' on pool 'p'"),
      app(
        'set',
        { app: 'rbd', key: 'k', value: 'v' },
        0,
        "set application 'rbd' key 'k' to 'v' on pool 'p'",
      ),
      app('get', { app: 'rbd', key: 'k' }, 0, '>v\n'),
      app('get', {}, 0, '>{\n    "rbd": {\n        "k": "v"\n    },\n    "rgw": {}\n}\n'),
      app('get', { format: 'json' }, 0, '>{"rbd":{"k":"v"},"rgw":{}}'),
      app('get', { app: 'no' }, -2, "pool 'p' has no application 'no'"),
      app('rm', { app: 'rbd', key: 'k' }, 0, "removed application 'rbd' key 'k' on pool 'p'"),
      app('disable', { app: 'rbd', ...sure }, 0, "disable application 'rbd' on pool 'p'"),
      app('disable', { app: 'rbd', ...sure }, 0, "application 'rbd' is not enabled on pool 'p'"),
    ]);
  });

  it('OSDs are marked, weighed, made and removed', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await play(w, [
      ['osd out', { ids: ['2'] }, 0, 'marked out osd.2. '],
      ['osd out', { ids: ['osd.2', '77'] }, 0, 'osd.2 is already out. osd.77 does not exist. '],
      [
        'osd out',
        { ids: ['x'] },
        -22,
        "Expected option value to be integer, got 'x'invalid osd id-1",
      ],
      ['osd out', { ids: 3 }, -22, "bad or missing field 'ids'"],
      ['osd out', {}, 0, ''],
      ['osd in', { ids: ['any'] }, 0, 'marked in osd.2. '],
      ['osd reweight', { id: 1, weight: 0.5 }, 0, 'reweighted osd.1 to 0.5 (8000)'],
      ['osd reweight', { id: 99, weight: 0.5 }, -2, 'osd.99 does not exist'],
      ['osd down', { ids: ['2'] }, 0, 'marked down osd.2. '],
      ['osd down', { ids: ['2'] }, 0, 'osd.2 is already down. '],
      ['osd rm', { ids: ['0'] }, -16, 'osd.0 is still up; must be down before removal. '],
      [
        'osd setmaxosd',
        { newmax: 2 },
        -16,
        'cannot shrink max_osd to 2 because osd.2 (and possibly others) still in use',
      ],
      ['osd new', { uuid: 'x' }, -22, "invalid UUID value 'x'."],
      ['osd new', { uuid: '8a4e5b1c-29fd-4d45-8b68-2e6f3e3ab001' }, 0, '>3\n'],
      [
        'osd new',
        { uuid: '8a4e5b1c-29fd-4d45-8b68-2e6f3e3ab001', format: 'json' },
        0,
        '>{"osdid":3}',
      ],
      ['osd purge-new', { id: 3, ...sure }, 0, 'purged osd.3'],
      ['osd purge', { id: 3, ...sure }, 0, 'osd.3 does not exist'],
      ['osd destroy', { id: 1, ...sure }, -16, 'osd.1 is not `down`.'],
      ['osd destroy', { id: 2, ...sure }, 0, 'destroyed osd.2'],
      ['osd purge', { id: 2, ...sure }, 0, 'purged osd.2'],
      ['osd set', { key: 'full' }, -22, "unrecognized flag 'full'"],
      ['osd set', { key: 'pause' }, 0, 'pauserd,pausewr is set'],
      ['osd unset', { key: 'pause' }, 0, 'pauserd,pausewr is unset'],
      [
        'osd require-osd-release',
        { release: 'octopus' },
        -1,
        'require_osd_release cannot be lowered once it has been set',
      ],
    ]);
    expect(w.state().osdmap.osds()).toEqual([0, 1]);
    expect([...w.state().osdmap.crushMap.itemNames.values()]).not.toContain('osd.2');
  });

  it('the CRUSH map is edited and replaced', async () => {
    const w = await makeWorld();
    await bootAll(w);
    const { osdmap } = w.state();
    const bytes = Buffer.from(osdmap.data.crush);
    const version = osdmap.data.crushVersion;
    const set = (prior: number, input: Uint8Array) =>
      w.run('osd setcrushmap', { prior_version: prior }, input);
    const other = decodeCrushMap(bytes);
    other.tunables.chooseTotalTries = 7;
    expect(await set(version - 1, encodeCrushMap(other))).toMatchObject({
      result: -1,
      status: `prior_version ${version - 1} != crush version ${version}`,
    });
    const edited = decodeCrushMap(bytes);
    edited.tunables.chooseTotalTries = 99;
    const input = encodeCrushMap(edited);
    expect(await set(version, input)).toMatchObject({ result: 0, status: `${version + 1}` });
    // The same request again, as after a lost answer.
    expect(await set(version, input)).toMatchObject({ result: 0, status: `${version + 1}` });
    expect(w.state().osdmap.crushMap.tunables.chooseTotalTries).toBe(99);

    const garbage = await w.run('osd setcrushmap', {}, Buffer.from('garbage'));
    expect(garbage.result).toBe(-22);
    expect(garbage.status).toMatch(/^Failed to parse crushmap: /);
    await w.run('osd pool create', { pool: 'p' });
    edited.rules = [];
    const noRule = await w.run('osd setcrushmap', {}, encodeCrushMap(edited));
    expect(noRule).toMatchObject({ result: -22 });
    expect(noRule.status).toBe('pool 1 references crush_rule 0 but it is not present');
    await play(w, [
      [
        'osd crush reweight',
        { name: 'osd.9', weight: 1 },
        -2,
        "device 'osd.9' does not appear in the crush map",
      ],
      [
        'osd crush reweight',
        { name: 'default', weight: 1 },
        -22,
        "device 'default' is not a leaf in the crush map",
      ],
      [
        'osd crush create-or-move',
        { id: 0, weight: 0.5, args: ['root=default', 'host=node1'] },
        0,
        "create-or-move updated item name 'osd.0' weight 0.5 at location {host=node1,root=default} to crush map",
      ],
      [
        'osd crush rule create-replicated',
        { name: 'r', root: 'nope', type: 'osd' },
        -2,
        'root item nope does not exist',
      ],
      ['osd crush rule create-replicated', { name: 'r', root: 'default', type: 'osd' }, 0, ''],
      [
        'osd crush rule create-replicated',
        { name: 'r', root: 'default', type: 'osd' },
        0,
        'rule r already exists',
      ],
      ['osd crush rule rm', { name: 'r' }, 0, ''],
      ['osd crush rule rm', { name: 'r' }, 0, 'rule r does not exist'],
      [
        'osd crush set-device-class',
        { class: 'hdd', ids: ['0'] },
        -16,
        "osd.0 has already bound to class 'ssd', can not reset class to 'hdd'; use 'ceph osd crush rm-device-class <id>' to remove old class first",
      ],
      ['osd crush rm-device-class', { ids: ['0'] }, 0, 'done removing class of osd(s): 0'],
      [
        'osd crush set-device-class',
        { class: 'hdd', ids: ['0'] },
        0,
        "set osd(s) 0 to class 'hdd'",
      ],
    ]);
    expect((await w.run('osd crush rule rm', { name: 'replicated_rule' })).result).toBe(-16);
  });

  it('settings and keys are stored and shown', async () => {
    const w = await makeWorld();
    const set = (who: string, name: string, value: string, result = 0, text = ''): Case => [
      'config set',
      { who, name, value },
      result,
      text,
    ];
    await play(w, [
      set('osd.0', 'osd max backfills', '3'),
      set('global', 'osd_client_message_cap', '2K'),
      set('osd', 'nosuch', '3', -22, "unrecognized config option 'nosuch'"),
      set('foo', 'osd_max_backfills', '3', -22, "unrecognized config target 'foo'"),
      set('osd', 'mon_host', 'x', -22, 'mon_host is special and cannot be stored by the mon'),
      set(
        'osd',
        'osd_max_backfills',
        '-3',
        -22,
        'error parsing value: strict_sistrtoll: value should not be negative',
      ),
      [
        'config dump',
        {},
        0,
        '>' +
          'WHO        MASK  LEVEL     OPTION                  VALUE  RO\n' +
          'global           advanced  osd_client_message_cap  2000     \n' +
          '    osd.0        advanced  osd_max_backfills       3        \n',
      ],
      ['config get', { who: 'osd.0', key: 'osd_max_backfills' }, 0, '>3\n'],
      ['config get', { who: 'osd.1', key: 'osd_max_backfills' }, 0, '>1\n'],
      ['config get', { who: 'osd.1', key: 'nosuch' }, -2, "unrecognized key 'nosuch'"],
      ['config get', { who: 'zzz' }, -22, "unrecognized entity 'zzz'"],
      ['config rm', { who: 'osd.0', name: 'osd_max_backfills' }, 0, ''],
      ['config get', { who: 'osd.0', key: 'osd_max_backfills' }, 0, '>1\n'],
      ['config show', { who: 'osd.9' }, -2, 'no config state for daemon osd.9'],
      ['config help', { key: 'nosuch' }, -2, ''],
      ['config-key set', { key: 'a', val: 'v' }, 0, 'set a'],
      ['config-key get', { key: 'a' }, 0, '>v'],
      ['config-key get', { key: 'b' }, -2, ''],
      ['config-key exists', { key: 'a' }, 0, "key 'a' exists"],
      ['config-key exists', { key: 'b' }, -2, "key 'b' doesn't exist"],
      ['config-key dump', {}, 0, '>{\n    "a": "v"\n}\n'],
      ['config-key ls', { format: 'json' }, 0, '>["a"]\n'],
      ['config-key rm', { key: 'a' }, 0, 'key deleted'],
      ['config-key rm', { key: 'a' }, 0, 'key deleted'],
    ]);
    const large = await w.run('config-key set', { key: 'l' }, Buffer.alloc(65537));
    expect(large.result).toBe(-27);
    await w.run('config-key set', { key: 'bin' }, Buffer.from([0xff, 1]));
    expect((await w.run('config-key dump')).output).toContain('<<< binary blob of length 2 >>>');
  });

  it('clients are blocked and let in again', async () => {
    const w = await makeWorld();
    const addr = '1.2.3.4:0/5';
    const add = await w.run('osd blocklist', { blocklistop: 'add', addr });
    expect(add.status).toMatch(/^blocklisting 1\.2\.3\.4:0\/5 until \S+ \(3600 sec\)$/);
    const client = { type: 2, host: '1.2.3.4', port: 0, nonce: 5 };
    expect(w.state().osdmap.isBlocklisted(client)).toBe(true);
    await play(w, [
      ['osd blocklist', { blocklistop: 'add', addr: 'foo' }, -22, 'unable to parse address foo'],
      ['osd blocklist', { blocklistop: 'rm', addr }, 0, 'un-blocklisting 1.2.3.4:0/5'],
      ['osd blocklist', { blocklistop: 'rm', addr }, 0, "1.2.3.4:0/5 isn't blocklisted"],
    ]);
    expect(w.state().osdmap.isBlocklisted(client)).toBe(false);
  });

  it('old clients that the map promises to serve are not left behind', async () => {
    const w = await makeWorld();
    const below = (release: string, to: string) =>
      `osdmap current utilizes features that require ${release}; cannot set require_min_compat_client below that to ${to}`;
    const least = 'osd set-require-min-compat-client';
    await play(w, [
      [least, { version: 'hammer' }, -1, below('jewel', 'hammer')],
      ['osd crush tunables', { profile: 'bobtail' }, 0, 'adjusted tunables profile to bobtail'],
      [least, { version: 'hammer' }, 0, 'set require_min_compat_client to hammer'],
      [
        'osd crush tunables',
        { profile: 'jewel' },
        -22,
        'new crush map requires client version jewel but require_min_compat_client is hammer',
      ],
    ]);
  });

  it('an option turns a health check off', async () => {
    const w = await makeWorld();
    await w.run('osd pool create', { pool: 'odd', pg_num: 6 });
    const codes = () => healthChecks(w.state()).map((c) => c.code);
    expect(codes()).toContain('POOL_PG_NUM_NOT_POWER_OF_TWO');
    const name = 'mon_warn_on_pool_pg_num_not_power_of_two';
    await w.run('config set', { who: 'global', name, value: 'false' });
    expect(codes()).not.toContain('POOL_PG_NUM_NOT_POWER_OF_TWO');
  });

  it('what is not a command is refused', async () => {
    const w = await makeWorld();
    await play(w, [
      ['nosuch', {}, -22, 'command not known'],
      ['', {}, -22, 'command prefix must not be empty'],
      ['auth ls', {}, 0, '>'],
      ['auth get', { entity: 'client.x' }, -2, 'failed to find client.x in keyring'],
      ['health mute', { code: 'FOO' }, -2, 'health alert FOO is not currently raised'],
    ]);
  });
});

describe('the table of commands', () => {
  it('reads the compact form', () => {
    expect(parseSignature('osd out name=ids,type=CephString,n=N')).toEqual([
      'osd',
      'out',
      { name: 'ids', type: 'CephString', n: 'N' },
    ]);
    expect(prefixOf('osd out name=ids,type=CephString,n=N')).toBe('osd out');
  });

  it('has each signature once, is served here alone, and says what each command is for', () => {
    const signatures = monCommands.map((c) => c.sig);
    expect(new Set(signatures).size).toBe(signatures.length);
    for (const c of monCommands) {
      // Bit 8 would make clients send it to a manager.
      expect((c.flags ?? 0) & 8, c.sig).toBe(0);
      expect(c.help.length, c.sig).toBeGreaterThan(4);
      for (const item of parseSignature(c.sig)) {
        if (typeof item !== 'string') expect(item.type, c.sig).toMatch(/^Ceph[A-Z]/);
      }
    }
  });

  it('is described in the form that tools read', () => {
    const described = JSON.parse(commandDescriptions(monCommands)) as Record<string, Args>;
    expect(Object.keys(described)).toHaveLength(monCommands.length);
    expect(described.cmd000).toMatchObject({
      sig: expect.any(Array),
      help: expect.any(String),
      module: expect.any(String),
      perm: expect.stringMatching(/^[rwx]+$/),
      flags: expect.any(Number),
    });
  });
});
