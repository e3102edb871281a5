import { SimProcess } from '../../sim/process.ts';
import { Dice } from '../../sim/random.ts';
import { Timeline } from '../../sim/timeline.ts';
import { VolatileDisk } from '../../sim/volatile-store.ts';
import type { OSDMap } from '../../src/maps/index.ts';
import { OsdConfig } from '../../src/osd/front/osd-config.ts';
import { WHOLE } from '../../src/osd/partition.ts';
import type { MonWish } from '../../src/osd/pg/mon-wishes.ts';
import { settingsOf } from '../../src/osd/settings.ts';
import { Shard } from '../../src/osd/shard/shard.ts';
import type { ShardFront } from '../../src/osd/shard-front.ts';
import { openSuperblock } from '../../src/osd/superblock.ts';
import { BufferPool } from '../../src/runtime/index.ts';
import { nativeCrc32c } from '../../src/runtime-node/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { FSID } from './built-osdmap.ts';

const UUID = '99999999-2222-3333-4444-000000000003';
const PACE = { commitMinMs: 1, commitMaxMs: 4, readMaxMs: 0 };
/** By then all is done that can be. */
export const LONG_MS = 5000;

/** The one shard of OSD 3 of `builtMap`, in virtual time, that is given maps and hears nothing of other OSDs. */
export class LoneShard {
  static readonly id = 3;
  shard!: Shard;
  store!: ObjectStore;
  /** In the order in which they come. */
  readonly maps: OSDMap[];
  /** Lines of its log: message and PG. */
  readonly log: string[] = [];
  readonly timeline = new Timeline();
  /** Asked of the monitor. */
  askMon: (wish: MonWish) => void = () => {};
  private readonly disk: VolatileDisk;
  private readonly isUp: boolean;
  private process!: SimProcess;
  private seen = 0;

  /** @param isUp it serves when the map shows it up; else it only follows the maps */
  constructor(maps: readonly OSDMap[], seed: number, isUp = false) {
    this.maps = [...maps];
    this.isUp = isUp;
    this.disk = new VolatileDisk(this.timeline, new Dice(seed, 'disk'), PACE, 1 << 30);
  }

  get hasSeenAll(): boolean {
    return this.seen === this.maps.length;
  }

  /** A new life, which goes on where the store was left. */
  async start(): Promise<void> {
    const { id } = LoneShard;
    this.process = new SimProcess(this.timeline, 'osd', '', { rate: 1, offsetMs: 0 });
    this.store = await this.disk.open(this.process);
    const opening = openSuperblock(this.store, { fsid: FSID, uuid: UUID, id });
    await this.pass(LONG_MS);
    const superblock = await opening;
    const [first] = this.maps;
    // What the map says of us is said of this store.
    superblock.upFrom = first!.data.osdInfo.at(id)!.upFrom;
    const nothing = (): void => {};
    const front: Partial<ShardFront> = {
      ...{ send: nothing, stateChanged: nothing, statsChanged: nothing, shareMaps: nothing },
      wantMap: nothing,
      // Nobody scrubs, but may want to.
      scrubPlaces: { take: () => ({ release: nothing }) },
      askMon: (wish) => this.askMon(wish),
      fatal: (error) => {
        throw error;
      },
    };
    this.shard = new Shard({
      ...{ id, superblock, partition: WHOLE, store: this.store, clock: this.process.clock },
      settings: settingsOf(new OsdConfig(), 1),
      log: (_, message, fields) => this.log.push(`${message} ${(fields as { pg?: string }).pg}`),
      crc32c: nativeCrc32c,
      pool: new BufferPool(),
      front: front as ShardFront,
    });
    if (this.isUp) this.shard.begin(first!.addrs(id)[0]!);
    this.seen = this.maps.findIndex((map) => map.epoch === superblock.newest) + 1;
    if (this.seen > 0) this.shard.advance(this.maps[this.seen - 1]!, undefined);
  }

  /** The next maps, which come together. */
  feed(count = this.maps.length): void {
    const batch = this.maps.slice(this.seen, this.seen + count);
    for (const map of batch) this.shard.advance(map, this.maps[this.seen++ - 1]);
    if (batch.length > 0) void this.shard.commitMaps([]);
  }

  async pass(ms: number): Promise<void> {
    await this.timeline.run(this.timeline.now + ms);
  }

  async crash(): Promise<void> {
    this.process.kill();
    this.disk.crash();
    await this.start();
  }
}
