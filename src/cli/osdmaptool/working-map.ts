import { type CrushMap, decodeCrushMap, encodeCrushMap } from '../../crush/index.ts';
import { emptyIncremental, type Incremental, OSDMap, type OSDMapData } from '../../maps/index.ts';
import { TIME_ZERO } from '../../wire/index.ts';

/** The map that one run of the tool works on: shown, changed in memory, and written at the end if it was `modified`. */
export class WorkingMap {
  private map: OSDMap;
  /** Whether the file is to be written. */
  modified = false;

  constructor(data: OSDMapData) {
    this.map = new OSDMap(data);
  }

  get osdmap(): OSDMap {
    return this.map;
  }
  get data(): OSDMapData {
    return this.map.data;
  }

  /** Replaces fields, whatever epoch that leaves. */
  set(change: Partial<OSDMapData>): void {
    this.map = new OSDMap({ ...this.map.data, ...change });
  }

  /** Sets an OSD's state bits, and its weight if one is given. */
  setOsd(osd: number, bits: number, weight?: number): void {
    const { osdState, osdWeight } = this.map.data;
    this.set({
      osdState: osdState.with(osd, osdState[osd]! | bits),
      ...(weight !== undefined && { osdWeight: osdWeight.with(osd, weight) }),
    });
  }

  /** Edits the CRUSH map within the epoch. */
  editCrush(edit: (crush: CrushMap) => void): void {
    const crush = decodeCrushMap(this.map.data.crush);
    edit(crush);
    this.set({ crush: encodeCrushMap(crush) });
  }

  /** The next epoch: Ceph's tool leaves the time of the change at zero. */
  advance(change: Partial<Incremental> = {}): void {
    const { fsid, epoch } = this.map;
    const inc = emptyIncremental({ fsid, epoch: epoch + 1, modified: TIME_ZERO });
    this.map = this.map.applyIncremental({ ...inc, ...change });
  }

  /** The CRUSH map in the encoding of today, whatever it came in. */
  crushBytes(): Uint8Array {
    return encodeCrushMap(this.map.crushMap);
  }

  /** The file's bytes. */
  encode(): Uint8Array {
    this.set({ crush: this.crushBytes() });
    return this.map.encode();
  }
}
