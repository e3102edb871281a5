import { monFeatureBit, releaseByName } from '../../maps/index.ts';
import type { EntityAddr } from '../../wire/index.ts';
import { type CephOption, option, takeOptions, type WordReader } from '../ceph-args.ts';
import { ToolFailure, type ToolIo } from '../tool-io.ts';
import { parseAddr, parseAddrVec } from './addresses.ts';

const { flag, text, int } = option;

/** The name our messages begin with; scripts look for Ceph's. */
export const ME = 'monmaptool';
const STATUS_BAD_ADDR = 255;

/** One `--feature-...` word. */
export interface FeatureOp {
  readonly kind: 'set' | 'unset' | 'plain' | 'parseable';
  readonly bits: bigint;
  isOptional: boolean;
}

/** A command line of monmaptool, read. */
export interface Request {
  left: string[];
  print: boolean;
  create: boolean;
  clobber: boolean;
  generate: boolean;
  initialMembers: boolean;
  allFeatures: boolean;
  /** 0: as it is. */
  minMonRelease: number;
  electionStrategy: number;
  /** Comma-separated; the configuration may say it too. */
  initialMemberNames: string | undefined;
  /** By name. A single address is still to be completed. */
  add: Map<string, { addr: EntityAddr } | { addrs: EntityAddr[] }>;
  remove: string[];
  features: FeatureOp[];
}

/** Ends the tool with a hint. @throws ToolFailure */
export function refuse(message?: string): never {
  const lines = message === undefined ? [] : [message];
  throw new ToolFailure([...lines, `${ME} -h for usage`].join('\n'));
}

/** Reads the command line. Source: main of tools/monmaptool.cc, release 16.2. @throws ToolFailure */
export function readWords(words: readonly string[], io: ToolIo): Request {
  const r: Request = {
    left: [],
    print: false,
    create: false,
    clobber: false,
    generate: false,
    initialMembers: false,
    allFeatures: false,
    minMonRelease: 0,
    electionStrategy: 1,
    initialMemberNames: undefined,
    add: new Map(),
    remove: [],
    features: [],
  };
  r.left = takeOptions(words, [...mapOptions(r), ...memberOptions(r), ...featureOptions(r, io)]);
  return r;
}

function mapOptions(r: Request): CephOption[] {
  return [
    flag(['-p', '--print'], () => {
      r.print = true;
    }),
    flag(['--create'], () => {
      r.create = true;
    }),
    flag(['--clobber'], () => {
      r.clobber = true;
    }),
    flag(['--generate'], () => {
      r.generate = true;
    }),
    flag(['--set_initial_members'], () => {
      r.initialMembers = true;
    }),
    flag(['--enable_all_features'], () => {
      r.allFeatures = true;
    }),
    text(['--set_min_mon_release'], (v) => {
      r.minMonRelease = releaseByName(v) ?? 0;
    }),
    int(['--mon_election_default_strategy'], (v) => {
      r.electionStrategy = v ?? r.electionStrategy;
    }),
    text(['--mon_initial_members'], (v) => {
      r.initialMemberNames = v;
    }),
  ];
}

function memberOptions(r: Request): CephOption[] {
  const nameAndAddr = (words: WordReader): [name: string, addr: string] => [
    words.next() ?? refuse(),
    words.next() ?? refuse(),
  ];
  const bad = (addr: string): never => {
    throw new ToolFailure(`${ME}: invalid ip:port '${addr}'`, STATUS_BAD_ADDR);
  };
  return [
    flag(['--add'], (words) => {
      const [name, addr] = nameAndAddr(words);
      r.add.set(name, { addr: parseAddr(addr) ?? bad(addr) });
    }),
    flag(['--addv'], (words) => {
      const [name, addr] = nameAndAddr(words);
      r.add.set(name, { addrs: parseAddrVec(addr) ?? bad(addr) });
    }),
    text(['--rm'], (v) => {
      r.remove.push(v);
    }),
  ];
}

function featureOptions(r: Request, io: ToolIo): CephOption[] {
  const change = (kind: 'set' | 'unset') => (v: string) => {
    r.features.push({ kind, bits: featureBits(v, io), isOptional: false });
  };
  const qualify = (isOptional: boolean) => (): void => {
    const last = r.features.at(-1) ?? refuse();
    last.isOptional = isOptional;
  };
  return [
    flag(['--feature_list'], (words) => {
      const kind = words.peek() === 'parseable' ? 'parseable' : 'plain';
      if (words.peek() === kind) words.next();
      r.features.push({ kind, bits: 0n, isOptional: false });
    }),
    text(['--feature_set'], change('set')),
    text(['--feature_unset'], change('unset')),
    flag(['--optional'], qualify(true)),
    flag(['--persistent'], qualify(false)),
  ];
}

/** A feature's name, or bits as a number. @throws ToolFailure */
function featureBits(word: string, io: ToolIo): bigint {
  const named = monFeatureBit(word);
  if (named !== undefined) return named;
  const isInteger = /^-?\d+$/.test(word);
  const value = isInteger ? BigInt(word) : 0n;
  if (isInteger && BigInt.asIntN(64, value) === value) return BigInt.asUintN(64, value);
  const why = isInteger
    ? `The option value '${word}' seems to be invalid`
    : `Expected option value to be integer, got '${word}'`;
  io.err(`unknown features name '${word}' or unable to parse value: ${why}\n`);
  return refuse();
}
