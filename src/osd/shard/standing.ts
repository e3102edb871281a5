import type { OSDMap } from '../../maps/index.ts';
import { isGivenUp, lifeOf, lostAt } from '../map-life.ts';
import type { Settings } from '../settings.ts';

/**
 * Where a shard stands: the newest map that its PGs were taken through and what that says of OSDs, the options, and
 * whether anybody is still answered. All parts of a shard look here; its maps and the front's word are what changes it.
 */
export class Standing {
  /** The OSD's number. */
  readonly id: number;
  settings: Settings;
  map: OSDMap | undefined;
  /** The map shows us up. */
  isUpNow = false;
  phase: 'running' | 'stopping' | 'stopped' = 'running';

  constructor(id: number, settings: Settings) {
    this.id = id;
    this.settings = settings;
  }

  get epoch(): number {
    return this.map?.epoch ?? 0;
  }
  /** The map shows us up, and we are not on our way down. */
  get isServing(): boolean {
    return this.isUpNow && this.phase === 'running';
  }
  isUp(osd: number): boolean {
    return this.map?.isUp(osd) ?? false;
  }
  /** Epoch in which an OSD last came up; 0 while it is down. */
  upFrom(osd: number): number {
    return this.isUp(osd) ? lifeOf(this.map, osd).upFrom : 0;
  }
  /** See Others. */
  lostAt(osd: number): number {
    return lostAt(this.map, osd);
  }
  /** See PgHost. */
  isGivenUp(osd: number): boolean {
    return isGivenUp(this.map, osd);
  }
}
