import { formatHObject, OBJECT_ERROR, SHARD_ERROR } from '../../wire/index.ts';
import { INFO_ATTR } from '../ops/index.ts';
import type { ChosenCopy } from './choose-copy.ts';
import type { JudgedCopy } from './judge-copy.ts';
import { infoText } from './object-text.ts';

/** How a copy differs from the chosen one. */
export interface Difference {
  /** Bits of SHARD_ERROR: of this copy alone. */
  readonly shard: bigint;
  /** Bits of OBJECT_ERROR: nobody can tell from it which copy is wrong. */
  readonly object: bigint;
  /** The same in Ceph's words. */
  readonly texts: readonly string[];
}

/** Rules and words: PGBackend::be_compare_scrub_objects, src/osd/PGBackend.cc, release 16.2. */
export function compareCopy(copy: JudgedCopy, chosen: ChosenCopy, sizeMax: number): Difference {
  let shard = 0n;
  let object = 0n;
  const texts: string[] = [];
  const mine = copy.object;
  const right = chosen.object;
  const { info } = chosen;
  const from = `from shard ${chosen.osd}`;
  const fromInfo = (): string => `from auth oi ${infoText(right.oid, info)}`;
  const hex = (digest: number): string => `0x${digest.toString(16)}`;
  const differ = (a: number | undefined, b: number | undefined): boolean =>
    a !== undefined && b !== undefined && a !== b;
  const digest = (
    what: string,
    has: number | undefined,
    other: number | undefined,
    whose: string,
  ): void => {
    texts.push(`${what} ${hex(has!)} != ${what} ${hex(other!)} ${whose}`);
  };

  if (differ(mine.dataDigest, right.dataDigest)) {
    object |= OBJECT_ERROR.dataDigestMismatch;
    digest('data_digest', mine.dataDigest, right.dataDigest, from);
  }
  if (differ(mine.omapDigest, right.omapDigest)) {
    object |= OBJECT_ERROR.omapDigestMismatch;
    digest('omap_digest', mine.omapDigest, right.omapDigest, from);
  }
  if (differ(mine.dataDigest, info.dataDigest)) {
    shard |= SHARD_ERROR.dataDigestMismatchInfo;
    digest('data_digest', mine.dataDigest, info.dataDigest, fromInfo());
  }
  if (differ(mine.omapDigest, info.omapDigest)) {
    shard |= SHARD_ERROR.omapDigestMismatchInfo;
    digest('omap_digest', mine.omapDigest, info.omapDigest, fromInfo());
  }
  if (mine.statError) return { shard, object, texts };
  if (copy.info && !sameBytes(mine.attrs.get(INFO_ATTR), right.attrs.get(INFO_ATTR))) {
    object |= OBJECT_ERROR.infoInconsistency;
    texts.push('object info inconsistent ');
  }
  if (mine.size !== info.size) {
    shard |= SHARD_ERROR.sizeMismatchInfo;
    texts.push(`size ${mine.size} != size ${info.size} ${fromInfo()}`);
  }
  if (mine.size !== right.size) {
    object |= OBJECT_ERROR.sizeMismatch;
    texts.push(`size ${mine.size} != size ${right.size} ${from}`);
  }
  if (mine.size > sizeMax) {
    object |= OBJECT_ERROR.sizeTooLarge;
    texts.push(`size ${mine.size} > ${sizeMax} is too large`);
  }
  for (const name of userAttrs(right.attrs)) {
    if (!mine.attrs.has(name)) {
      object |= OBJECT_ERROR.attrNameMismatch;
      texts.push(`attr name mismatch '${name}'`);
    } else if (!sameBytes(mine.attrs.get(name), right.attrs.get(name))) {
      object |= OBJECT_ERROR.attrValueMismatch;
      texts.push(`attr value mismatch '${name}'`);
    }
  }
  for (const name of userAttrs(mine.attrs)) {
    if (right.attrs.has(name)) continue;
    object |= OBJECT_ERROR.attrNameMismatch;
    texts.push(`attr name mismatch '${name}'`);
  }
  return { shard, object, texts };
}

/** `PG shard OSD soid OBJECT : TEXTS`, without the shard for what cannot be laid to one. */
export function soidLine(
  pg: string,
  osd: number | undefined,
  oid: JudgedCopy['object']['oid'],
  texts: readonly string[],
): string {
  const shard = osd === undefined ? '' : ` shard ${osd}`;
  return `${pg}${shard} soid ${formatHObject(oid)} : ${texts.join(', ')}`;
}

/** Names of users' attributes begin with an underscore and go on. */
function userAttrs(attrs: ReadonlyMap<string, Uint8Array>): string[] {
  return [...attrs.keys()].filter((n) => n.startsWith('_') && n !== INFO_ATTR).sort();
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}
