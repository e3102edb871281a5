import { formatHObject, formatPgId, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { Interrupted } from '../questions.ts';
import type { ReplaceCopies } from './running-scrub.ts';
import { CLOSE_LOOK, rangeOf, type Scans, type ScansScope } from './scans.ts';
import type { ScrubPort } from './scrub-port.ts';
import { judge, versionOf, wrongMembers } from './verdict.ts';

/** What the repair of a single object sees of its PG. */
export interface ReadRepairScope extends ScansScope {
  readonly host: ScansScope['host'] & {
    readonly scrub: ScrubPort;
    readonly limits: { readonly objectSizeMax: number };
  };
  readonly scrubber: { readonly scans: Scans; repairBegins(): void };
  readonly replicas: readonly number[];
  readonly replaceCopies: ReplaceCopies;
}

/**
 * A read of the primary has met bytes that do not pass their checksum: all members look at their copies of that object
 * as in a deep scrub, and if one of them is right, ours and all others that are not count as missing from then on.
 * @returns whether a right copy will be brought, or is here
 */
export async function mendObject(scope: ReadRepairScope, oid: HObject): Promise<boolean> {
  const { host, replicas, scrubber } = scope;
  const { scrub } = host;
  if (scope.isMissingHere(oidKey(oid), oid)) return true;
  const range = rangeOf(oid);
  const { scans } = scrubber;
  const members = [host.id, ...replicas];
  let maps: Awaited<ReturnType<Scans['own']>>[];
  try {
    const others = replicas.map((osd) => scans.ask(osd, range, CLOSE_LOOK));
    maps = await Promise.all([scans.own(range, CLOSE_LOOK), ...others]);
  } catch (error) {
    // The request is held for the next interval already.
    if (error instanceof Interrupted) return false;
    throw error;
  }
  // A scrub may have found it meanwhile.
  if (scope.isMissingHere(oidKey(oid), oid)) return true;
  const copies = members.map((osd, i) => ({ osd, object: maps[i]?.objects[0] }));
  const pg = formatPgId(scope.header().pgid);
  const verdict = judge({ pg, sizeMax: host.limits.objectSizeMax, repair: true }, oid, copies);
  const wrong = wrongMembers(verdict);
  const need = versionOf(verdict);
  const good = verdict.good.filter((osd) => osd !== host.id);
  const isOurs = wrong.includes(host.id);
  const what = `${pg} missing primary copy of ${formatHObject(oid)}`;
  // It was replaced after the read had begun, or it was the device that failed just once.
  if (need && !isOurs) return true;
  if (!need || good.length === 0) {
    scrub.clusterLog('error', `${what}, unfound`);
    return false;
  }
  scrub.clusterLog('error', `${what}, will try copies on ${good.join()}`);
  scrubber.repairBegins();
  scope.replaceCopies(oid, need, wrong);
  return true;
}
