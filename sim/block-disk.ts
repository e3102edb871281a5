import { silent } from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import { BlockStore, type ObjectStore } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';
import { SimDisk } from './disk.ts';
import type { SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import type { Pace, StoreDisk } from './store-disk.ts';
import type { Timeline } from './timeline.ts';

const PATH = '/osd';
/** So small that its areas change often. */
const JOURNAL_BYTES = 256 * 1024;
const CACHE_BYTES = 1 << 20;

/** A store as in production, on a simulated device: recovery from a crash is the real one. */
export class BlockDisk implements StoreDisk {
  extraMs = 0;
  private disk: SimDisk;
  private readonly timeline: Timeline;
  private readonly dice: Dice;
  private readonly pace: Pace;
  private readonly sizeBytes: number;

  constructor(timeline: Timeline, dice: Dice, pace: Pace, sizeBytes: number) {
    this.timeline = timeline;
    this.dice = dice;
    this.pace = pace;
    this.sizeBytes = sizeBytes;
    this.disk = new SimDisk(dice.below(2 ** 31));
  }

  open(process: SimProcess): Promise<ObjectStore> {
    const { disk } = this;
    disk.pace = (what) => this.wait(process, what);
    return BlockStore.open({
      path: PATH,
      disk,
      openKeyValue: (path) => disk.openKeyValue(path),
      crc32c: nativeCrc32c,
      log: silent,
      clock: process.clock,
      sizeBytes: this.sizeBytes,
      journalBytes: JOURNAL_BYTES,
      cacheBytes: CACHE_BYTES,
    });
  }

  crash(isPowerLost: boolean): void {
    if (isPowerLost) this.disk.dead = true;
    this.disk = isPowerLost ? this.disk.reboot() : this.disk.handOver();
  }

  replace(): void {
    this.disk.dead = true;
    this.disk = new SimDisk(this.dice.below(2 ** 31));
  }

  damage(store: ObjectStore, c: string, oid: HObject): boolean {
    const [place] = store instanceof BlockStore ? store.places(c, oid) : [];
    if (place) this.disk.flip(`${PATH}/block`, place.offset);
    return place !== undefined;
  }

  /** A write reaches the cache of the system soon; a sync and a commit wait for the device. */
  private wait(process: SimProcess, what: 'write' | 'sync' | 'commit' | 'read'): Promise<void> {
    const { commitMinMs, commitMaxMs, readMaxMs } = this.pace;
    const { dice } = this;
    let ms = this.extraMs;
    if (what === 'read') ms += readMaxMs * dice.unit();
    else if (what === 'write') ms = 0.05 * dice.unit();
    else ms += commitMinMs + dice.unit() * (commitMaxMs - commitMinMs);
    return new Promise((go) => this.timeline.after(ms, () => process.enter(go)));
  }
}
