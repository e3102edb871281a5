import { CephError } from '../../errors/index.ts';
import type { BlockStore, Collection } from '../../store/index.ts';
import { HOBJECT_MIN, type HObject, SNAP_HEAD } from '../../wire/index.ts';
import type { ClusterOsd } from '../cluster-osd.ts';
import type { FaultyHome } from '../osd-home.ts';
import type { Faults, FaultTarget, FlippedBit, OsdName } from './faults.ts';
import type { DiskFaults } from './faulty-disk.ts';
import type { Links } from './links.ts';

/** A daemon that can be killed and started again. */
export interface Mortal {
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface FaultyParts {
  readonly links: Links;
  readonly monitor: Mortal;
  /** @throws CephError ENOENT */
  osd(id: number): ClusterOsd;
  home(id: number): FaultyHome;
}

const BLOCK_BYTES = 4096;
const LIST_MAX = 1000;
/** Bits are flipped in so many bytes at the beginning of a block: a compressed one may not have many more. */
const SPREAD_BYTES = 32;

/** Faults of the daemons of this process, on the real network and on disks that are real or in memory. */
export class ClusterFaults implements Faults {
  private readonly parts: FaultyParts;
  private readonly spoiled = new Set<DiskFaults>();
  /** How many bits were flipped: each time it is another one, as the same one twice would be no damage. */
  private flips = 0;

  constructor(parts: FaultyParts) {
    this.parts = parts;
  }

  partition(
    from: readonly FaultTarget[],
    to: readonly FaultTarget[],
    options: { readonly oneWay?: boolean } = {},
  ): void {
    for (const a of from) {
      for (const b of to) {
        this.parts.links.cut(a, b);
        if (!options.oneWay) this.parts.links.cut(b, a);
      }
    }
  }

  slowLink(from: FaultTarget, to: FaultTarget, ms: number): void {
    this.parts.links.slow(from, to, ms);
    this.parts.links.slow(to, from, ms);
  }

  breakLinks(from: FaultTarget, to: FaultTarget): void {
    this.parts.links.break(from, to);
  }

  slowDisk(osd: OsdName, ms: number): void {
    this.diskOf(osd).delayMs = ms;
  }

  fill(osd: OsdName): void {
    this.diskOf(osd);
    this.parts.home(idOf(osd)).fill();
  }

  async flipBit(name: OsdName, object?: string): Promise<FlippedBit> {
    const id = idOf(name);
    const { running } = this.parts.home(id);
    if (!this.parts.osd(id).isRunning || !running) {
      throw new CephError('ENOTCONN', `${name} does not run`);
    }
    const { store, disk } = running;
    await store.flush(); // what is in the journal only has no place yet
    const found = findData(store, object);
    if (!found) throw new CephError('ENOENT', `${name} holds no data of ${object ?? 'any object'}`);
    const { pgid, oid, at, offset, length } = found;
    const file = disk.fileNamed('block')!;
    const block = Buffer.alloc(BLOCK_BYTES);
    file.readSync(block, at);
    const byte = Math.floor(this.flips / 8) % Math.min(length, SPREAD_BYTES);
    block[byte] = block[byte]! ^ (1 << (this.flips % 8));
    this.flips++;
    await file.write([block], at);
    await file.sync();
    return { osd: name, object: oid.name, pgid, offset: offset + byte };
  }

  kill(daemon: OsdName | 'mon.a'): Promise<void> {
    return this.mortal(daemon).kill();
  }

  restart(daemon: OsdName | 'mon.a'): Promise<void> {
    return this.mortal(daemon).start();
  }

  heal(): void {
    this.parts.links.heal();
    for (const faults of this.spoiled) {
      faults.delayMs = 0;
      faults.freeBytes = undefined;
    }
    this.spoiled.clear();
  }

  private mortal(daemon: OsdName | 'mon.a'): Mortal {
    return daemon === 'mon.a' ? this.parts.monitor : this.parts.osd(idOf(daemon));
  }

  private diskOf(osd: OsdName): DiskFaults {
    const { faults } = this.parts.home(idOf(osd));
    this.spoiled.add(faults);
    return faults;
  }
}

/** @throws CephError EINVAL for what names no OSD */
function idOf(name: OsdName): number {
  const digits = /^osd\.(\d+)$/.exec(name)?.[1];
  if (digits === undefined) throw new CephError('EINVAL', `'${name}' is no OSD's name`);
  return Number(digits);
}

/** A block of an object: where it is on the disk and in the object, and how much of the object there is from it on. */
interface Found {
  readonly pgid: Collection;
  readonly oid: HObject;
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

/** The first block with data of an object of a client; of any when none is named. */
function findData(store: BlockStore, object: string | undefined): Found | undefined {
  for (const pgid of store.collections()) {
    for (const oid of objectsOf(store, pgid)) {
      const isClients = oid.pool >= 0 && oid.snap === SNAP_HEAD && oid.name !== '';
      if (!isClients || (object !== undefined && oid.name !== object)) continue;
      const place = store.places(pgid, oid)[0];
      if (!place) continue;
      const offset = place.block * BLOCK_BYTES;
      const length = store.stat(pgid, oid)!.size - offset;
      return { pgid, oid, at: place.offset, offset, length };
    }
  }
  return undefined;
}

function* objectsOf(store: BlockStore, c: Collection): Generator<HObject> {
  let from: HObject | undefined = HOBJECT_MIN;
  while (from) {
    const { objects, next }: { objects: HObject[]; next: HObject | undefined } = store.list(
      c,
      from,
      LIST_MAX,
    );
    yield* objects;
    from = next;
  }
}
