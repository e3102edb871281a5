import {
  type EVersion,
  formatHObject,
  type HObject,
  type InconsistentObject,
  missingShard,
  OBJECT_DEEP_ERRORS,
  SHARD_DEEP_ERRORS,
  SHARD_ERROR,
} from '../../wire/index.ts';
import { type Digests, INFO_ATTR, type ObjectInfo } from '../ops/index.ts';
import { type ChosenCopy, chooseCopy } from './choose-copy.ts';
import { compareCopy, soidLine } from './compare-copies.ts';
import { disproved, ofDigests, onlyOfDigests } from './digests.ts';
import { type JudgedCopy, judgeCopy } from './judge-copy.ts';
import { cephInfo, cephSnapSet } from './object-text.ts';
import type { ScrubbedObject } from './scrub-map.ts';

/** What members have of one object, the primary first. */
export type Copies = readonly {
  readonly osd: number;
  readonly object: ScrubbedObject | undefined;
}[];

/** What comes of comparing the copies of one object. */
export interface Verdict {
  readonly oid: HObject;
  /** For `rados list-inconsistent-obj`; absent when nothing is wrong. */
  readonly error: InconsistentObject | undefined;
  /** For the cluster log. */
  readonly lines: readonly string[];
  readonly shallowErrors: number;
  readonly deepErrors: number;
  /** Members that lack it, or whose copy is wrong. */
  readonly missing: readonly number[];
  readonly inconsistent: readonly number[];
  /** Members whose copy is right; none when nobody's is, or nobody knows. */
  readonly good: readonly number[];
  /** The copy that stands for the object. */
  readonly chosen: ChosenCopy | undefined;
  /** What is known of the object: by the chosen copy, or else by the first that says anything. */
  readonly info: ObjectInfo | undefined;
  /** A repair: what its info should tell of the object, since all copies that can be read agree against it. */
  readonly rewrite: Digests | undefined;
  /** Those of the inconsistent ones with which nothing else is wrong than what the info tells of them. */
  readonly agreeing: readonly number[];
}

/** The version that repairs bring; undefined when there is nothing to bring. */
export function versionOf(v: Verdict): EVersion | undefined {
  return v.good.length > 0 ? v.chosen?.info.version : undefined;
}

/** Members whose copies repairs replace. */
export function wrongMembers({ missing, inconsistent, agreeing }: Verdict): number[] {
  return [...missing, ...inconsistent.filter((osd) => !agreeing.includes(osd))];
}

/** How the copies are looked at. */
export interface VerdictScope {
  /** As printed. */
  readonly pg: string;
  /** osd_max_object_size. */
  readonly sizeMax: number;
  /** What is wrong is put right: where all copies agree against the digests of their info, it is the info that is. */
  readonly repair: boolean;
}

/**
 * Compares all members' copies of one object. Rules, words and counts are those of PGBackend::be_compare_scrubmaps
 * (src/osd/PGBackend.cc, release 16.2) but for the choice of the right copy.
 */
export function judge(scope: VerdictScope, oid: HObject, copies: Copies): Verdict {
  const { pg } = scope;
  const lines: string[] = [];
  const judged = new Map<number, JudgedCopy>();
  for (const { osd, object } of copies) {
    if (!object) continue;
    const copy = judgeCopy(osd, object);
    judged.set(osd, copy);
    if (copy.faults.length > 0) lines.push(soidLine(pg, osd, oid, copy.faults));
  }
  const chosen = chooseCopy([...judged.values()]);
  const found = new Findings(oid, copies[0]!.osd, chosen);
  if (!chosen) {
    for (const { osd } of copies) found.shard(osd, judged.get(osd), judged.get(osd)?.errors ?? 0n);
    lines.push(`${pg} soid ${formatHObject(oid)} : failed to pick suitable object info`);
    const known = [...judged.values()].find((copy) => copy.info);
    return { ...found.verdict(lines, []), info: known?.info };
  }
  const rewrite = scope.repair ? disproved([...judged.values()], chosen) : undefined;
  const agreeing: number[] = [];
  const good: number[] = [];
  const doubtful: number[] = [];
  for (const { osd } of [...copies].sort((a, b) => a.osd - b.osd)) {
    const copy = judged.get(osd);
    if (!copy) {
      lines.push(`${pg} shard ${osd} ${formatHObject(oid)} : missing`);
      found.shard(osd, undefined, 0n);
      continue;
    }
    const difference = compareCopy(copy, chosen, scope.sizeMax);
    const isMended = rewrite !== undefined && osd === chosen.osd;
    const all = copy.errors | difference.shard;
    const errors = isMended ? 0n : all;
    found.object |= difference.object;
    const hasText = difference.texts.length > 0;
    if (isMended) {
      const what = `repairing object info ${ofDigests(all).join(', ')}`;
      lines.push(soidLine(pg, undefined, oid, [what]));
    } else if (rewrite && onlyOfDigests(all) && difference.object === 0n) agreeing.push(osd);
    if (hasText) lines.push(soidLine(pg, errors ? osd : undefined, oid, difference.texts));
    if (errors !== 0n) found.inconsistent.push(osd);
    else if (hasText) doubtful.push(osd);
    else good.push(osd);
    found.shard(osd, copy, errors);
  }
  if (good.length === 0 && doubtful.length > 0) {
    good.push(doubtful.includes(chosen.osd) ? chosen.osd : doubtful[0]!);
  } else if (good.length === 0) {
    lines.push(`${pg} soid ${formatHObject(oid)} : failed to pick suitable auth object`);
  }
  found.inconsistent.push(...doubtful.filter((osd) => !good.includes(osd)));
  return { ...found.verdict(lines, good), rewrite, agreeing };
}

/** What is found of one object, while it is. */
class Findings {
  object = 0n;
  readonly missing: number[] = [];
  readonly inconsistent: number[] = [];
  private readonly oid: HObject;
  private readonly primary: number;
  private readonly chosen: ChosenCopy | undefined;
  private readonly shards: InconsistentObject['shards'] = [];
  private union = 0n;
  private shallow = 0;
  private deep = 0;

  constructor(oid: HObject, primary: number, chosen: ChosenCopy | undefined) {
    this.oid = oid;
    this.primary = primary;
    this.chosen = chosen;
  }

  shard(osd: number, copy: JudgedCopy | undefined, errors: bigint): void {
    const all = copy ? errors : SHARD_ERROR.missing;
    this.union |= all;
    if ((all & SHARD_DEEP_ERRORS) !== 0n) this.deep++;
    else if (all !== 0n) this.shallow++;
    const isPrimary = osd === this.primary;
    if (!copy) this.missing.push(osd);
    const shard = copy
      ? {
          errors: all,
          primary: isPrimary,
          attrs: cephAttrs(this.oid, copy),
          size: BigInt(copy.object.size),
          omapDigest: copy.object.omapDigest,
          dataDigest: copy.object.dataDigest,
          selectedInfo: osd === this.chosen?.osd,
        }
      : missingShard(isPrimary);
    this.shards.push([{ osd, shard: -1 }, shard]);
  }

  verdict(lines: readonly string[], good: readonly number[]): Verdict {
    const { oid, chosen, object: errors, union: unionErrors } = this;
    const isBad = errors !== 0n || unionErrors !== 0n;
    // Shards of an object that nobody can tell are counted, the object itself is not.
    if (chosen && (errors & OBJECT_DEEP_ERRORS) !== 0n) this.deep++;
    else if (chosen && errors !== 0n) this.shallow++;
    const { name, namespace, key: locator, snap } = oid;
    return {
      oid,
      error: isBad
        ? {
            errors,
            object: { name, namespace, locator, snap },
            version: chosen?.info.userVersion ?? 0n,
            shards: this.shards.sort(([a], [b]) => a.osd - b.osd),
            unionErrors,
          }
        : undefined,
      lines,
      shallowErrors: this.shallow,
      deepErrors: this.deep,
      missing: this.missing,
      inconsistent: this.inconsistent,
      good,
      chosen,
      info: chosen?.info,
      rewrite: undefined,
      agreeing: [],
    };
  }
}

/** The attributes with what tools decode in Ceph's form. */
function cephAttrs(oid: HObject, { object, info }: JudgedCopy): Map<string, Uint8Array> {
  const attrs = new Map(object.attrs);
  if (info) attrs.set(INFO_ATTR, cephInfo(oid, info));
  if (!object.statError) attrs.set('snapset', cephSnapSet());
  return attrs;
}
