import {
  BUCKET_ALG_NAMES,
  CHOOSE_ARGS_DEFAULT,
  type CrushMap,
  type CrushRule,
  RULE_OP,
  TUNABLE_PROFILES,
} from '../../crush/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandReply, ok, type ReadCommand, refuse } from '../command.ts';
import type { MonState } from '../state.ts';
import { classOf, itemWeight } from './crush-tree.ts';
import type { Json } from './json.ts';
import { textOrValue, valueReply } from './reply.ts';

// Source: CrushWrapper::dump*, crush/CrushWrapper.cc, release 16.2.

function ruleJson(crush: CrushMap, id: number, rule: CrushRule): Json {
  const words: Readonly<Record<number, string>> = {
    [RULE_OP.CHOOSE_FIRSTN]: 'choose_firstn',
    [RULE_OP.CHOOSE_INDEP]: 'choose_indep',
    [RULE_OP.CHOOSELEAF_FIRSTN]: 'chooseleaf_firstn',
    [RULE_OP.CHOOSELEAF_INDEP]: 'chooseleaf_indep',
    [RULE_OP.SET_CHOOSE_TRIES]: 'set_choose_tries',
    [RULE_OP.SET_CHOOSELEAF_TRIES]: 'set_chooseleaf_tries',
  };
  const steps = rule.steps.map(({ op, arg1, arg2 }): Json => {
    if (op === RULE_OP.NOOP) return { op: 'noop' };
    if (op === RULE_OP.EMIT) return { op: 'emit' };
    if (op === RULE_OP.TAKE) {
      return { op: 'take', item: arg1, item_name: crush.itemNames.get(arg1) ?? '' };
    }
    const word = words[op];
    if (!word) return { opcode: op, arg1, arg2 };
    if (op === RULE_OP.SET_CHOOSE_TRIES || op === RULE_OP.SET_CHOOSELEAF_TRIES)
      return { op: word, num: arg1 };
    return { op: word, num: arg1, type: crush.typeNames.get(arg2) ?? '' };
  });
  return {
    rule_id: id,
    rule_name: crush.ruleNames.get(id) ?? '',
    ruleset: rule.ruleset,
    type: rule.type,
    min_size: rule.minSize,
    max_size: rule.maxSize,
    steps,
  };
}

const rulesOf = (crush: CrushMap): [number, CrushRule][] =>
  crush.rules.flatMap((rule, id): [number, CrushRule][] => (rule ? [[id, rule]] : []));

function profileOf(crush: CrushMap): string {
  const { allowedBucketAlgs: _, ...mine } = crush.tunables;
  for (const name of ['jewel', 'hammer', 'firefly', 'bobtail', 'argonaut'] as const) {
    const profile: Readonly<Record<string, number>> = { ...TUNABLE_PROFILES[name] };
    if (Object.entries(mine).every(([key, value]) => profile[key] === value)) return name;
  }
  return 'unknown';
}

function tunablesJson(crush: CrushMap): Json {
  const t = crush.tunables;
  const profile = profileOf(crush);
  const steps = rulesOf(crush).flatMap(([, rule]) => rule.steps.map((s) => s.op));
  const uses = (...ops: number[]): boolean => steps.some((op) => ops.includes(op));
  const v2 = uses(
    RULE_OP.CHOOSE_INDEP,
    RULE_OP.CHOOSELEAF_INDEP,
    RULE_OP.SET_CHOOSE_TRIES,
    RULE_OP.SET_CHOOSELEAF_TRIES,
  );
  const v3 = uses(RULE_OP.SET_CHOOSELEAF_VARY_R);
  const v5 = uses(RULE_OP.SET_CHOOSELEAF_STABLE);
  const v4 = [...crush.buckets.values()].some((b) => BUCKET_ALG_NAMES[b.alg] === 'straw2');
  const needs1 =
    t.chooseLocalTries !== 2 || t.chooseLocalFallbackTries !== 5 || t.chooseTotalTries !== 19;
  const needs5 = t.chooseleafStable !== 0;
  const needs3 = t.chooseleafVaryR !== 0;
  const minimum = (): string => {
    if (v5 || needs5) return 'jewel';
    if (v4) return 'hammer';
    if (v3 || needs3) return 'firefly';
    return v2 || t.chooseleafDescendOnce || needs1 ? 'bobtail' : 'argonaut';
  };
  const bit = (v: boolean): number => (v ? 1 : 0);
  return {
    choose_local_tries: t.chooseLocalTries,
    choose_local_fallback_tries: t.chooseLocalFallbackTries,
    choose_total_tries: t.chooseTotalTries,
    chooseleaf_descend_once: t.chooseleafDescendOnce,
    chooseleaf_vary_r: t.chooseleafVaryR,
    chooseleaf_stable: t.chooseleafStable,
    straw_calc_version: t.strawCalcVersion,
    allowed_bucket_algs: t.allowedBucketAlgs,
    profile,
    optimal_tunables: bit(profile === 'jewel'),
    legacy_tunables: bit(profile === 'argonaut'),
    minimum_required_version: minimum(),
    require_feature_tunables: bit(needs1),
    require_feature_tunables2: bit(t.chooseleafDescendOnce !== 0),
    has_v2_rules: bit(v2),
    require_feature_tunables3: bit(needs3),
    has_v3_rules: bit(v3),
    has_v4_buckets: bit(v4),
    require_feature_tunables5: bit(needs5),
    has_v5_rules: bit(v5),
  };
}

/** Weight sets by pool, `-1` for the one of all other pools. */
function chooseArgsJson(crush: CrushMap): Json {
  const entries = [...crush.chooseArgs].map(([key, args]): [string, Json] => [
    String(key),
    [...args]
      .sort((a, b) => b[0] - a[0])
      .map(([bucket, arg]) => ({
        bucket_id: bucket,
        weight_set:
          arg.weightSets.length > 0
            ? arg.weightSets.map((ws) => ws.map((w) => w / 0x10000))
            : undefined,
        ids: arg.ids.length > 0 ? arg.ids : undefined,
      })),
  ]);
  return new Map(entries);
}

function crushJson(crush: CrushMap): Json {
  const devices: Json[] = [];
  for (let id = 0; id < crush.maxDevices; id++) {
    devices.push({ id, name: crush.itemNames.get(id) ?? `device${id}`, class: classOf(crush, id) });
  }
  const buckets = [...crush.buckets.values()].sort((a, b) => b.id - a.id);
  return {
    devices,
    types: [...crush.typeNames]
      .sort((a, b) => a[0] - b[0])
      .map(([type_id, name]) => ({ type_id, name })),
    buckets: buckets.map((b) => ({
      id: b.id,
      name: crush.itemNames.get(b.id) ?? '',
      type_id: b.type,
      type_name: crush.typeNames.get(b.type) ?? '',
      weight: b.weight,
      alg: BUCKET_ALG_NAMES[b.alg],
      hash: 'rjenkins1',
      items: b.items.map((id, pos) => ({
        id,
        weight: Math.round(itemWeight(b, pos) * 0x10000),
        pos,
      })),
    })),
    rules: rulesOf(crush).map(([id, rule]) => ruleJson(crush, id, rule)),
    tunables: tunablesJson(crush),
    choose_args: chooseArgsJson(crush),
  };
}

/** These dumps end with one more newline than others. */
function dump(args: CommandArgs, value: Json): CommandReply {
  const reply = valueReply(args, value);
  return ok(`${reply.output}\n`);
}

function ruleDump(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const name = args.text('name');
  if (!name)
    return dump(
      args,
      rulesOf(crush).map(([id, rule]) => ruleJson(crush, id, rule)),
    );
  for (const [id, rule] of rulesOf(crush)) {
    if (crush.ruleNames.get(id) === name) return dump(args, ruleJson(crush, id, rule));
  }
  return refuse('ENOENT', `unknown crush rule '${name}'`);
}

function ruleLs(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const names = rulesOf(crush).map(([id]) => crush.ruleNames.get(id) ?? '');
  return textOrValue(
    args,
    () => names.map((n) => `${n}\n`).join(''),
    () => names,
  );
}

function classLsOsd(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const name = args.needText('class');
  const osds = [...crush.classMap.keys()]
    .filter((id) => id >= 0 && classOf(crush, id) === name)
    .sort((a, b) => a - b);
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
  );
}

/** Classes of the OSDs named; an OSD may be given as `osd.1` or `1`. */
function deviceClasses(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const osds = args.list('ids').map((word): number => {
    const m = /^(?:osd\.)?(\d+)$/.exec(word);
    if (!m) throw new CommandFailure('EINVAL', `unable to parse osd id:"${word}"`);
    return Number(m[1]);
  });
  return textOrValue(
    args,
    () => osds.map((osd) => lineOf(osd, classOf(crush, osd))).join(''),
    () => osds.map((osd) => ({ osd, device_class: classOf(crush, osd) ?? '' })),
  );
}
const lineOf = (osd: number, name?: string): string => (name ? `osd.${osd} ${name}\n` : '');

/** Names of the pools that have weights of their own, and `(compat)` for the set of all others. */
function weightSets(state: MonState, args: CommandArgs): CommandReply {
  const keys = [...state.osdmap.crushMap.chooseArgs.keys()];
  const pools = keys.filter((id) => id >= 0).sort((a, b) => a - b);
  const names = [
    ...(keys.includes(CHOOSE_ARGS_DEFAULT) ? ['(compat)'] : []),
    ...pools.map((id) => state.osdmap.poolName(id) ?? ''),
  ];
  return textOrValue(
    args,
    () => names.map((n) => `${n}\n`).join(''),
    () => names,
  );
}

const spec = (sig: string, help: string, run: ReadCommand['run'], flags?: number): ReadCommand => ({
  sig,
  help,
  module: 'osd',
  perm: 'r',
  run,
  ...(flags !== undefined && { flags }),
});
export const crushDumpCommands: ReadCommand[] = [
  spec('osd crush dump', 'Print the CRUSH map', (state, args) =>
    dump(args, crushJson(state.osdmap.crushMap)),
  ),
  spec('osd crush rule ls', 'List the CRUSH rules', ruleLs),
  spec('osd crush rule list', 'List the CRUSH rules', ruleLs, 4),
  spec(
    'osd crush rule dump name=name,type=CephString,goodchars=[A-Za-z0-9-_.],req=false',
    'Print one CRUSH rule, or all',
    ruleDump,
  ),
  spec('osd crush class ls', 'List the device classes', (state, args) => {
    const { classMap, classNames } = state.osdmap.crushMap;
    const used = new Set([...classMap].filter(([id]) => id >= 0).map(([, c]) => c));
    return valueReply(
      args,
      [...classNames].filter(([id]) => used.has(id)).map(([, name]) => name),
    );
  }),
  spec(
    'osd crush class ls-osd name=class,type=CephString,goodchars=[A-Za-z0-9-_]',
    'List the OSDs of a device class',
    classLsOsd,
  ),
  spec(
    'osd crush get-device-class name=ids,type=CephString,n=N',
    'Show the device classes of OSDs',
    deviceClasses,
  ),
  spec('osd crush weight-set ls', 'List the weight sets', weightSets),
  spec('osd crush weight-set dump', 'Print the weight sets', (state, args) =>
    valueReply(args, chooseArgsJson(state.osdmap.crushMap)),
  ),
  spec('osd crush show-tunables', 'Show the tunables of CRUSH', (state, args) =>
    dump(args, tunablesJson(state.osdmap.crushMap)),
  ),
  spec(
    'osd crush get-tunable name=tunable,type=CephChoices,strings=straw_calc_version',
    'Show one tunable of CRUSH',
    (state, args) => {
      const version = state.osdmap.crushMap.tunables.strawCalcVersion;
      return textOrValue(
        args,
        () => `${version}\n`,
        () => ({ straw_calc_version: version }),
      );
    },
  ),
];
