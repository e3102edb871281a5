import type { Holdings } from '../pg/pg-holdings.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import type { Announcement, Strays } from '../pg/pg-strays.ts';
import type { Importer } from './importer.ts';

/**
 * How one member stands to a PG's data, in our own words. `clean`: it has what it should have. `importing`: something is
 * still to be listed or brought. `homeless`: it holds data, and the PG's primary does not know of it yet. `exporting`: the
 * primary knows, and will say when the copy may go.
 */
export type MemberWord = 'clean' | 'importing' | 'exporting' | 'homeless';

/** A holder that a primary takes data from, or that is to drop its copy. */
export interface SourceReport {
  readonly osd: number;
  /**
   * `starting`: has been asked, and not answered. `importing`: lists or gives objects. `silent`: could not say what comes
   * next. `finishing`: was told to drop its copy, and has not confirmed it. `down`: the map says so.
   */
  readonly state: 'starting' | 'importing' | 'silent' | 'finishing' | 'down';
  /** Objects that are to come and that it may have. */
  readonly left: number;
}

/** How far a member's import is. */
export interface ImportReport {
  readonly state: MemberWord;
  /** Everything is listed: what is missing is known. */
  readonly isListed: boolean;
  /** Objects that are known to be missing here. */
  readonly missing: number;
  readonly sources: readonly SourceReport[];
}

/** What the report looks at. */
export interface ImportReportScope {
  readonly host: Pick<PgHost, 'isUp'>;
  readonly state: PgState;
  readonly isActing: boolean;
  readonly holdings: Holdings;
  readonly member: { readonly importer: Importer };
  readonly strays: Strays;
  readonly announcement: Announcement;
}

/** Looks at every missing object: for people who ask, not for regular reports. */
export function reportImport(pg: ImportReportScope): ImportReport {
  const { state } = pg;
  const { missing, import: importing } = state;
  return {
    state: wordFor(pg),
    isListed: !importing || importing.isListed,
    missing: missing.size,
    sources: sourcesOf(pg),
  };
}

function wordFor({ state, isActing, announcement }: ImportReportScope): MemberWord {
  if (!isActing) return announcement.isHomeless ? 'homeless' : 'exporting';
  return state.import || state.missing.size > 0 ? 'importing' : 'clean';
}

function sourcesOf({ host, state, holdings, member, strays }: ImportReportScope): SourceReport[] {
  const left = new Map<number, number>();
  for (const item of state.missing.values()) {
    for (const osd of holdings.sources(item)) left.set(osd, (left.get(osd) ?? 0) + 1);
  }
  const finishing = new Set(strays.finishing);
  const all = new Set([...(state.import?.sources ?? []), ...left.keys(), ...finishing]);
  const stateOf = (osd: number): SourceReport['state'] => {
    if (!host.isUp(osd)) return 'down';
    if (finishing.has(osd)) return 'finishing';
    const isListing = state.import !== undefined && !state.import.isListed;
    return isListing ? member.importer.sourceState(osd) : 'importing';
  };
  return [...all].map((osd) => ({ osd, state: stateOf(osd), left: left.get(osd) ?? 0 }));
}
