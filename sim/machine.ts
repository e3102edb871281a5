import { type Osd, runShard, shardOf, startOsd } from '../src/osd/index.ts';
import { BufferPool } from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import type { ObjectStore } from '../src/store/index.ts';
import type { EntityAddr, PgId } from '../src/wire/index.ts';
import { BlockDisk } from './block-disk.ts';
import { fullAtTimes } from './full-store.ts';
import type { SimNetwork } from './network.ts';
import type { SimOptions } from './options.ts';
import type { LogSink, SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import { type Lie, lying } from './sabotage.ts';
import type { StoreBook } from './store-book.ts';
import type { StoreDisk } from './store-disk.ts';
import { SimThreads } from './threads.ts';
import type { Timeline } from './timeline.ts';
import { VolatileDisk } from './volatile-store.ts';
import type { Witness } from './witness.ts';

const OSD_PORT = 6800;
/** Room of an OSD. */
const OSD_BYTES = 256 << 20;

/** What a machine with an OSD is part of. */
export interface MachineScope {
  readonly timeline: Timeline;
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly seed: number;
  readonly fsid: string;
  readonly monAddr: EntityAddr;
  readonly config: ReadonlyMap<string, string>;
  readonly witness: Witness;
  readonly lie: Lie | undefined;
  readonly log: LogSink;
  dice(name: string): Dice;
  note(line: string): void;
  newProcess(name: string, address: string, machine: number): SimProcess;
  /** A daemon stopped that nobody killed. */
  stopped(who: string, error: unknown): void;
}

/** A part of an OSD that has a store of its own; without shards there is one. */
interface SimShard {
  readonly disk: StoreDisk;
  readonly book: StoreBook;
}

/** A machine with an OSD: its disks last, its processes come and go. */
export class SimMachine {
  /** Of the OSD. */
  readonly id: number;
  readonly uuid: string;
  readonly address: string;
  readonly hostname: string;
  readonly shards: readonly SimShard[];
  /** There is hardly any room on its disks. */
  isFull = false;
  /** Its OSD is on its way out for good: nobody starts it again. */
  isRetired = false;
  process: SimProcess | undefined;
  osd: Osd | undefined;
  /** By shard; those that the OSD has opened, none while it does not run. */
  stores: ObjectStore[] = [];
  threads: SimThreads | undefined;
  private readonly number: number;
  private readonly scope: MachineScope;

  /**
   * @param number of the machine, which is the first and last with it
   * @param shards how many the OSD has
   */
  constructor(scope: MachineScope, id: number, uuid: string, number: number, shards: number) {
    this.scope = scope;
    this.id = id;
    this.uuid = uuid;
    this.number = number;
    this.address = `10.0.1.${number + 1}`;
    this.hostname = `host${number}`;
    this.shards = Array.from({ length: shards }, (_, index) => this.makeShard(index, shards));
  }

  private makeShard(index: number, count: number): SimShard {
    const { scope, id, number } = this;
    const { pace, store } = scope.options;
    const dice = scope.dice(index === 0 ? `disk ${number}` : `disk ${number}.${index}`);
    const Disk = store === 'block' ? BlockDisk : VolatileDisk;
    const disk = new Disk(scope.timeline, dice, pace, Math.floor(OSD_BYTES / count));
    const name = count === 1 ? `osd.${id}` : `osd.${id} shard ${index}`;
    return { disk, book: scope.witness.book(name) };
  }

  get isAlive(): boolean {
    return this.process?.isAlive === true;
  }

  /** Resolves when the OSD has started, which is before the map shows it up, or was killed before that. */
  async start(): Promise<void> {
    if (this.isRetired || this.isAlive) return;
    const { scope, id } = this;
    scope.note(`start osd.${id}`);
    scope.network.powered(this.address);
    const process = scope.newProcess(`osd.${id}`, this.address, 1 + this.number);
    this.process = process;
    await Promise.race([this.run(process), process.ended]);
  }

  private async run(process: SimProcess): Promise<void> {
    const { scope, id, uuid } = this;
    const stores: ObjectStore[] = [];
    this.stores = stores;
    const openStore = async (index: number): Promise<ObjectStore> => {
      const { disk, book } = this.shards[index]!;
      const store = book.watch(await disk.open(process));
      const asked = scope.lie ? lying(store, scope.lie, id) : store;
      stores[index] = fullAtTimes(asked, () => this.isFull);
      return stores[index];
    };
    const store = await openStore(0);
    if (!process.isAlive) return;
    const threads = this.threadsFor(process, openStore);
    this.threads = threads;
    const runtime = process.runtime(scope.network, scope.seed, scope.log);
    const osd = await startOsd({
      runtime: threads ? { ...runtime, pool: BufferPool.shared() } : runtime,
      ...(threads ? { shards: threads } : {}),
      id,
      fsid: scope.fsid,
      uuid,
      store,
      monAddrs: [scope.monAddr],
      host: this.address,
      port: OSD_PORT,
      hostname: this.hostname,
      config: scope.config,
      onFatal: (e) => {
        if (!process.isAlive) return;
        scope.stopped(`osd.${id}`, e);
        this.kill();
      },
    });
    if (process.isAlive) this.osd = osd;
  }

  /** Threads for the OSD's other shards, if it has any. */
  private threadsFor(
    process: SimProcess,
    openStore: (index: number) => Promise<ObjectStore>,
  ): SimThreads | undefined {
    const { scope, id, uuid, shards } = this;
    const count = shards.length;
    if (count === 1) return undefined;
    const { timeline, fsid } = scope;
    const dice = scope.dice(`threads of osd.${id} ${timeline.now}`);
    const { postMaxMs: delayMaxMs } = scope.options;
    return new SimThreads({ timeline, process, dice, delayMaxMs }, count, (index, link) => {
      const own = { partition: { index, count }, id, fsid, uuid, clock: process.clock };
      const from = { openStore: () => openStore(index), crc32c: nativeCrc32c };
      void runShard({ ...own, ...from, pool: BufferPool.shared() }, link);
    });
  }

  /** @param isPowerLost with the whole machine, of which nobody hears a word */
  kill(isPowerLost = false): void {
    const { scope, process } = this;
    if (!process?.isAlive) return;
    scope.note(`kill osd.${this.id}${isPowerLost ? ' by power' : ''}`);
    process.kill();
    scope.network.killed(process, isPowerLost);
    for (const { disk } of this.shards) disk.crash(isPowerLost);
    this.osd = undefined;
    this.stores = [];
    this.threads = undefined;
  }

  /** New, empty disks, while the OSD does not run. */
  replaceDisks(): void {
    for (const { disk, book } of this.shards) {
      disk.replace();
      book.replaced();
    }
  }

  /** The store that has, or would have, the OSD's copy of a PG, while the OSD runs. */
  storeOf(pgid: PgId): ObjectStore | undefined {
    return this.stores[shardOf(pgid, this.shards.length)];
  }
  /** The disk that it is on. */
  diskOf(pgid: PgId): StoreDisk {
    return this.shards[shardOf(pgid, this.shards.length)]!.disk;
  }
}
