import { compareEVersion } from '../../wire/index.ts';
import type { JudgedCopy } from './judge-copy.ts';

/** A copy that stands for what the object should be. */
export interface ChosenCopy extends JudgedCopy {
  readonly info: NonNullable<JudgedCopy['info']>;
}

/**
 * Which copy is right: without faults of its own, of the newest version, with the data and omap that the object's info
 * says if it says so, then what most members have, and among equals the first in the order given (the primary's).
 * Ceph's choice ends with the newest version (PGBackend::be_select_auth_object, 16.2); the majority is ours.
 */
export function chooseCopy(copies: readonly JudgedCopy[]): ChosenCopy | undefined {
  const sound = copies.filter((c): c is ChosenCopy => c.errors === 0n && c.info !== undefined);
  const newest = sound.reduce<ChosenCopy | undefined>(
    (best, c) => (best && compareEVersion(c.info.version, best.info.version) <= 0 ? best : c),
    undefined,
  );
  if (!newest) return undefined;
  const candidates = sound.filter(
    (c) => compareEVersion(c.info.version, newest.info.version) === 0,
  );
  const asTold = candidates.filter((c) => candidates.every((by) => isAsTold(c, by)));
  const left = asTold.length > 0 ? asTold : candidates;
  return mostCommon(left);
}

/** Does a copy have what another one's info says? */
function isAsTold({ object }: ChosenCopy, { info }: ChosenCopy): boolean {
  const agrees = (has: number | undefined, told: number | undefined): boolean =>
    has === undefined || told === undefined || has === told;
  return agrees(object.dataDigest, info.dataDigest) && agrees(object.omapDigest, info.omapDigest);
}

function mostCommon(copies: readonly ChosenCopy[]): ChosenCopy | undefined {
  const groups = new Map<string, ChosenCopy[]>();
  for (const copy of copies) {
    const key = fingerprint(copy);
    groups.set(key, [...(groups.get(key) ?? []), copy]);
  }
  let best: ChosenCopy[] = [];
  for (const group of groups.values()) if (group.length > best.length) best = group;
  return best[0];
}

/** Equal for copies that are equal as far as they were looked at. */
function fingerprint({ object }: ChosenCopy): string {
  const { size, dataDigest, omapDigest, attrs } = object;
  const texts = [...attrs].map(([name, value]) => {
    const hex = Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
    return `${name.length}:${name}${hex}`;
  });
  return [size, dataDigest, omapDigest, ...texts.sort()].join();
}
