/**
 * `sepiola monmaptool`: makes, changes and shows a MonMap in a file, with the words, output and exit status of
 * monmaptool. Source: tools/monmaptool.cc, release 16.2.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodeAll, encodeToBytes } from '../../codec/index.ts';
import { DecodeError } from '../../errors/index.ts';
import {
  addMon,
  emptyMonMap,
  hasMonAt,
  keepInitialMembers,
  MON_FEATURE,
  MON_FEATURES_ALL,
  MonMap,
  monFeatureNames,
  monMapRequires,
  monMapText,
  releaseName,
  removeMon,
} from '../../maps/index.ts';
import { formatAddrVec, UUID_ZERO, utimeOfMs } from '../../wire/index.ts';
import { wantsUsage } from '../ceph-args.ts';
import { type ToolConfig, takeCommonOptions } from '../tool-config.ts';
import {
  processIo,
  runTool,
  strerror,
  systemErrno,
  ToolFailure,
  type ToolIo,
  writeWhole,
} from '../tool-io.ts';
import type { Tool } from '../usage.ts';
import { monAddrsOf } from './addresses.ts';
import { generate } from './generate.ts';
import { USAGE } from './usage.ts';
import { type FeatureOp, ME, type Request, readWords, refuse } from './words.ts';

/** Exit status of a map that cannot be read, or must not be overwritten. */
const STATUS_NO_MAP = 255;

export const monmaptool: Tool = {
  words: 'monmaptool ...',
  about: 'Make, change and show a MonMap in a file.',
  run: async (words) => {
    const io = processIo();
    return runTool(io, () => runMonmaptool(words, io));
  },
};

/** One run of the tool. @returns its exit status @throws ToolFailure */
export async function runMonmaptool(words: readonly string[], io: ToolIo): Promise<number> {
  if (words.length === 0) throw new ToolFailure(`${ME}: -h or --help for usage`);
  if (wantsUsage(words)) {
    io.out(USAGE);
    return 0;
  }
  const common = takeCommonOptions(words, io);
  if (!common) return 0;
  const { left, config } = common;
  const r = readWords(left, io);
  const [path, more] = r.left;
  if (path === undefined) return refuse(`${ME}: must specify monmap filename`);
  if (more !== undefined) refuse(`${ME}: too many arguments`);
  io.out(`${ME}: monmap file ${path}\n`);
  const old = readMap(path, r);
  const map = await changed(r, config, old, io);
  const showsFeatures = r.features.some(isList);
  const isModified = asksForChange(r, config);
  if (!r.print && !isModified && !showsFeatures) refuse('no action specified');
  if (r.print) io.out(monMapText(map));
  if (isModified) write(path, map, io);
  return 0;
}

/** The map in the file, or an empty one. @throws ToolFailure */
function readMap(path: string, r: Request): MonMap {
  const nothing = emptyMonMap({ fsid: UUID_ZERO, stamp: utimeOfMs(Date.now()) });
  if (r.create && r.clobber) return nothing;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (e) {
    const why = strerror(systemErrno(e));
    if (r.create) return nothing;
    throw new ToolFailure(`${ME}: couldn't open ${path}: ${why}`, STATUS_NO_MAP);
  }
  let map: MonMap;
  try {
    map = decodeAll(MonMap, bytes);
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e;
    throw new ToolFailure(`${ME}: unable to read monmap file`, STATUS_NO_MAP);
  }
  if (r.create)
    throw new ToolFailure(`${ME}: ${path} exists, --clobber to overwrite`, STATUS_NO_MAP);
  return map;
}

const isList = ({ kind }: FeatureOp): boolean => kind === 'plain' || kind === 'parseable';
const fsidOf = (config: ToolConfig): string => String(config.value('fsid') || UUID_ZERO);

/** Whether the map is to be written. `--generate` alone is not worth it, in Ceph's tool neither. */
function asksForChange(r: Request, config: ToolConfig): boolean {
  return (
    r.create ||
    r.allFeatures ||
    r.minMonRelease > 0 ||
    r.initialMembers ||
    fsidOf(config) !== UUID_ZERO ||
    r.add.size > 0 ||
    r.remove.length > 0 ||
    r.features.some((op) => !isList(op))
  );
}

/** The map after all that was asked for. */
async function changed(r: Request, config: ToolConfig, old: MonMap, io: ToolIo): Promise<MonMap> {
  const fsid = fsidOf(config);
  let map = old;
  if (r.create) {
    const drawn = fsid === UUID_ZERO ? randomUUID() : map.fsid;
    if (fsid === UUID_ZERO) io.out(`${ME}: generated fsid ${drawn}\n`);
    map = { ...map, fsid: drawn, strategy: r.electionStrategy };
  }
  if (r.allFeatures) map = { ...map, persistentFeatures: { bits: MON_FEATURES_ALL } };
  if (r.generate) map = await generate(map, config, io);
  if (r.minMonRelease > 0) {
    io.out(`setting min_mon_release = ${releaseName(r.minMonRelease)}\n`);
    map = { ...map, minMonRelease: r.minMonRelease };
  }
  if (r.initialMembers) map = initialMembers(r, config, map, io);
  if (fsid !== UUID_ZERO) {
    io.out(`${ME}: set fsid to ${fsid}\n`);
    map = { ...map, fsid };
  }
  map = membersAdded(r, map);
  for (const name of r.remove) {
    io.out(`${ME}: removing ${name}\n`);
    if (!map.monInfo.has(name)) refuse(`${ME}: map does not contain ${name}`);
    map = removeMon(map, name);
  }
  return r.features.reduce((next, op) => applyFeature(next, op, io), map);
}

function initialMembers(r: Request, config: ToolConfig, map: MonMap, io: ToolIo): MonMap {
  const text = r.initialMemberNames ?? config.text('mon_initial_members') ?? '';
  const members = text.split(/[;,= \t]+/).filter((name) => name !== '');
  if (members.length === 0) return map;
  io.out(`initial_members ${members.join(',')}, filtering seed monmap\n`);
  const kept = keepInitialMembers(map, members);
  io.out(`removed ${kept.removed.map(formatAddrVec).join(',')}\n`);
  return kept.map;
}

function membersAdded(r: Request, map: MonMap): MonMap {
  let next = map;
  for (const [name, given] of [...r.add].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    if (next.monInfo.has(name)) refuse(`${ME}: map already contains mon.${name}`);
    const both = monMapRequires(next, MON_FEATURE.nautilus);
    const addrs = 'addrs' in given ? given.addrs : monAddrsOf(given.addr, both);
    if (hasMonAt(next, addrs)) refuse(`${ME}: map already contains ${formatAddrVec(addrs)}`);
    next = addMon(next, { name, addrs });
  }
  return next;
}

function applyFeature(map: MonMap, op: FeatureOp, io: ToolIo): MonMap {
  if (isList(op)) {
    io.out(featureList(map, op.kind === 'parseable'));
    return map;
  }
  const field = op.isOptional ? 'optionalFeatures' : 'persistentFeatures';
  const before = map[field].bits;
  return { ...map, [field]: { bits: op.kind === 'set' ? before | op.bits : before & ~op.bits } };
}

function featureList(map: MonMap, parseable: boolean): string {
  const names = (bits: bigint): string => `[${monFeatureNames(bits, true).join(',') || 'none'}]`;
  const persistent = names(map.persistentFeatures.bits);
  const optional = names(map.optionalFeatures.bits);
  const required = names(map.persistentFeatures.bits | map.optionalFeatures.bits);
  const all = names(MON_FEATURES_ALL);
  const lines = parseable
    ? [
        `monmap:persistent:${persistent}`,
        `monmap:optional:${optional}`,
        `monmap:required:${required}`,
        `available:supported:${all}`,
        `available:persistent:${all}`,
      ]
    : [
        'MONMAP FEATURES:',
        `    persistent: ${persistent}`,
        `    optional:   ${optional}`,
        `    required:   ${required}`,
        '',
        'AVAILABLE FEATURES:',
        `    supported:  ${all}`,
        `    persistent: ${all}`,
      ];
  return `${lines.join('\n')}\n`;
}

function write(path: string, map: MonMap, io: ToolIo): void {
  io.out(`${ME}: writing epoch ${map.epoch} to ${path} (${map.ranks.length} monitors)\n`);
  try {
    writeWhole(path, encodeToBytes(MonMap, map));
  } catch (e) {
    const why = strerror(systemErrno(e));
    io.err(`bufferlist::write_file(${path}): failed to open file: ${why}\n`);
    throw new ToolFailure(`${ME}: error writing to '${path}': ${why}`);
  }
}
