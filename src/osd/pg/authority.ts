import { compareEVersion, type EVersion } from '../../wire/index.ts';
import type { PgLog } from '../log/pg-log.ts';
import type { ImportInfo } from '../recovery/import.ts';
import { isBlank, type PgInfo } from './pg-info.ts';

// Whose word counts among the members of a PG, and whom those may ask who lack something.

/** The authoritative member's number; undefined when nobody qualifies. */
export function findBest(
  infos: ReadonlyMap<number, PgInfo>,
  preference: readonly number[],
): number | undefined {
  let lastStarted = 0;
  for (const info of infos.values()) lastStarted = Math.max(lastStarted, info.lastEpochStarted);
  if (lastStarted === 0) return undefined;
  const rank = (osd: number): number => {
    const at = preference.indexOf(osd);
    return at < 0 ? preference.length : at;
  };
  let best: [number, PgInfo] | undefined;
  for (const [osd, info] of infos) {
    // Who last began to serve has every write answered before in its log; an older one may lack some. Whether it has the
    // objects too does not matter here: knowledge and bytes are two things.
    if (!info.complete || info.lastEpochStarted < lastStarted) continue;
    if (best) {
      const order =
        compareEVersion(info.lastUpdate, best[1].lastUpdate) ||
        listedBy(info) - listedBy(best[1]) ||
        -compareEVersion(info.logTail, best[1].logTail) ||
        rank(best[0]) - rank(osd);
      if (order <= 0) continue;
    }
    best = [osd, info];
  }
  return best?.[0];
}

/** 2: has everything; 1: knows of all that it lacks; 0: has yet to ask. */
function listedBy({ import: importing }: PgInfo): number {
  return !importing ? 2 : importing.cursor.max ? 1 : 0;
}

/** What is known of the members when it is decided whom each may ask. */
export interface SourceScene {
  readonly self: number;
  /** Ours: the authoritative one. */
  readonly log: Pick<PgLog, 'reaches'>;
  /** Of all who have said something, ourselves included. */
  readonly infos: ReadonlyMap<number, PgInfo>;
  /** The import of the authoritative member: holders of the past, who may be down. */
  readonly inherited: ImportInfo | undefined;
}

/**
 * Whom a member may ask that imports: whoever's newest entry is of our history, since what such a holder says of
 * objects that were not changed after that entry is true, and of the others the member's own log decides. What the
 * authoritative member could ask can be asked by all who take its log over, so nobody ever asks through another.
 * @param base from where on the member's log decides
 */
export function sourcesFor(scene: SourceScene, member: number, base: EVersion): number[] {
  const { self, log, infos, inherited } = scene;
  const known = [...infos]
    .filter(([osd, info]) => osd !== member && !isBlank(info) && log.reaches(info.lastUpdate))
    .filter(([, info]) => compareEVersion(info.lastUpdate, base) >= 0)
    .sort((a, b) => listedBy(b[1]) - listedBy(a[1]))
    .map(([osd]) => osd);
  const isCovered = inherited !== undefined && compareEVersion(inherited.base, base) >= 0;
  // Those that are down now and may come back; or came back empty, so that it shows where the objects were.
  const isSilent = (osd: number): boolean => {
    const info = infos.get(osd);
    return osd !== self && osd !== member && (!info || isBlank(info));
  };
  return isCovered ? [...known, ...inherited.sources.filter(isSilent)] : known;
}

/** Holders that somebody imports from. */
export function importedFrom(infos: ReadonlyMap<number, PgInfo>): number[] {
  return [...infos.values()].flatMap((i) => i.import?.sources ?? []);
}
