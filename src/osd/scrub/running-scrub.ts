import type { Clock } from '../../runtime/index.ts';
import {
  compareHObject,
  type EVersion,
  formatHObject,
  formatPgId,
  type HObject,
  type InconsistentObject,
  type PgId,
} from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { Digests, ObjectInfo } from '../ops/index.ts';
import { type ChangeSource, ObjectCount } from '../pg/object-count.ts';
import { lacking } from './digests.ts';
import { type Chunk, SELF } from './scrub-machine.ts';
import type { ScrubbedObject } from './scrub-map.ts';
import type { ScrubPlan } from './scrub-plan.ts';
import type { ScrubPort } from './scrub-port.ts';
import { isLarge, ScrubTally } from './scrub-tally.ts';
import { judge, type Verdict, versionOf, wrongMembers } from './verdict.ts';

/** What the comparison of members' copies sees of its PG. */
export interface RunningScope {
  readonly host: {
    readonly id: number;
    readonly clock: Clock;
    readonly scrub: Pick<ScrubPort, 'settings' | 'clusterLog'>;
    readonly limits: { readonly objectSizeMax: number };
  };
  readonly pipeline: ChangeSource & {
    /** See OpPipeline. */
    record(oid: HObject, info: ObjectInfo, digests: Digests): boolean;
  };
  /** The other acting members. */
  readonly replicas: readonly number[];
  header(): { pgid: PgId };
  isMissingAnywhere(key: string, oid: HObject): boolean;
}

/** From now on these members' copies count as missing, and are brought anew from the others. */
export type ReplaceCopies = (oid: HObject, need: EVersion, members: readonly number[]) => void;

type Maps = ReadonlyMap<number, readonly ScrubbedObject[]>;

/** A scrub from its first chunk to its last: what its primary makes of members' copies, and what it has found so far. */
export class RunningScrub {
  readonly plan: ScrubPlan;
  readonly tally: ScrubTally;
  /** The PG as printed. */
  readonly pg: string;
  private readonly scope: RunningScope;
  private readonly replace: ReplaceCopies;
  private readonly count: ObjectCount;

  /** @param replace of what a repair finds wrong */
  constructor(scope: RunningScope, plan: ScrubPlan, replace: ReplaceCopies) {
    const { pgid } = scope.header();
    this.scope = scope;
    this.plan = plan;
    this.replace = replace;
    this.pg = formatPgId(pgid);
    this.count = new ObjectCount(scope.pipeline, pgid.pool);
    this.tally = new ScrubTally(this.count);
  }

  /** It is over, done or not. */
  end(): void {
    this.count.end();
  }

  /** Compares what members have of a chunk. @returns what is wrong and stays so: what a repair replaces is left out */
  compare({ range }: Chunk, maps: Maps): InconsistentObject[] {
    const { scope, tally } = this;
    const members = [scope.host.id, ...scope.replicas];
    const of = members.map((osd) => byKey(maps.get(osd === scope.host.id ? SELF : osd)!));
    const found: InconsistentObject[] = [];
    for (const oid of objectsBelow(range.to, maps)) {
      const key = oidKey(oid);
      // What is being replaced already is not looked at.
      if (scope.isMissingAnywhere(key, oid)) {
        tally.uncounted++;
        continue;
      }
      const copies = members.map((osd, i) => ({ osd, object: of[i]!.get(key) }));
      const sizeMax = scope.host.limits.objectSizeMax;
      const v = judge({ pg: this.pg, sizeMax, repair: this.plan.repair }, oid, copies);
      this.note(v, copies[0]!.object);
      const isRight = this.plan.repair && this.repair(v);
      if (v.error && !isRight) found.push(v.error);
      if (this.plan.deep) this.complete(v);
    }
    this.count.reach(range.to);
    return found;
  }

  /** @param mine the primary's own copy */
  private note(v: Verdict, mine: ScrubbedObject | undefined): void {
    const { settings } = this.scope.host.scrub;
    this.tally.add(v, mine, settings);
    for (const line of v.lines) this.scope.host.scrub.clusterLog('error', line);
    if (mine && this.plan.deep && isLarge(mine, settings)) this.warnOfOmap(mine);
  }

  private warnOfOmap(o: ScrubbedObject): void {
    const { pg } = this;
    const text =
      `Large omap object found. Object: ${formatHObject(o.oid)} PG: ${pg} (${pg})` +
      ` Key count: ${o.omapKeys} Size (bytes): ${o.omapBytes}`;
    this.scope.host.scrub.clusterLog('warn', text);
  }

  /** Replaces wrong copies, or writes an info that is wrong anew. @returns whether nothing of what was wrong is left */
  private repair(v: Verdict): boolean {
    const { tally } = this;
    const need = versionOf(v);
    const wrong = wrongMembers(v);
    if (need && wrong.length > 0) {
      tally.fixed += wrong.length;
      this.replace(v.oid, need, wrong);
      // An object that is being brought to somebody cannot be changed yet.
      if (v.rewrite) tally.postponed++;
      return !v.rewrite;
    }
    if (!v.rewrite || !this.record(v, v.rewrite)) return false;
    tally.fixed += v.agreeing.length;
    return true;
  }

  /** Writes down what its info lacks of an object that is right. */
  private complete(v: Verdict): void {
    if (!v.chosen || v.rewrite || v.missing.length + v.inconsistent.length > 0) return;
    const { clock, scrub } = this.scope.host;
    const missing = lacking(v.chosen, clock.wallMs(), 1000 * scrub.settings.digestAgeSeconds);
    if (missing) this.record(v, missing);
  }

  private record({ oid, chosen }: Verdict, digests: Digests): boolean {
    return this.scope.pipeline.record(oid, chosen!.info, digests);
  }
}

function byKey(objects: readonly ScrubbedObject[]): Map<string, ScrubbedObject> {
  return new Map(objects.map((o) => [oidKey(o.oid), o]));
}

/** The objects that anybody has, in their order. Members that have less may have looked further. */
function objectsBelow(to: HObject, maps: Maps): HObject[] {
  const all = new Map<string, HObject>();
  for (const objects of maps.values()) {
    for (const { oid } of objects) if (compareHObject(oid, to) < 0) all.set(oidKey(oid), oid);
  }
  return [...all.values()].sort(compareHObject);
}
