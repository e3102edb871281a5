import { CephError } from '../src/errors/index.ts';
import {
  MemoryStore,
  type ObjectStore,
  type StoreOp,
  type Transaction,
} from '../src/store/index.ts';
import { HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import type { SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import type { Pace, StoreDisk } from './store-disk.ts';
import type { Timeline } from './timeline.ts';
import { wrappedStore } from './wrapped-store.ts';

const PAGE = 1000;

/**
 * A disk with a store whose levels are those of a real one, in memory: what is submitted is seen at once, becomes durable
 * in groups after a while, and until then a crash takes it back, but for a prefix drawn by chance. For speed; seeds that
 * are about the store itself use BlockStore on a simulated disk.
 */
export class VolatileDisk implements StoreDisk {
  extraMs = 0;
  /** Objects that the device cannot read, by collection and name, until they are written anew or removed. */
  private readonly damaged = new Set<string>();
  private durable: MemoryStore;
  private waiting: { txn: Transaction; done: () => void }[] = [];
  private readonly timeline: Timeline;
  private readonly dice: Dice;
  private readonly pace: Pace;
  private readonly sizeBytes: number;

  constructor(timeline: Timeline, dice: Dice, pace: Pace, sizeBytes: number) {
    this.timeline = timeline;
    this.dice = dice;
    this.pace = pace;
    this.sizeBytes = sizeBytes;
    this.durable = new MemoryStore({ sizeBytes });
  }

  async open(process: SimProcess): Promise<ObjectStore> {
    this.waiting = [];
    const live = new MemoryStore({ sizeBytes: this.sizeBytes });
    copyStore(this.durable, live);
    return this.wrap(live, process);
  }

  /** Some of what was under way is durable after all, however it died. */
  crash(): void {
    const kept = this.dice.below(this.waiting.length + 1);
    for (const { txn } of this.waiting.slice(0, kept)) void this.durable.submit(txn);
    this.waiting = [];
  }

  replace(): void {
    this.waiting = [];
    this.damaged.clear();
    this.durable = new MemoryStore({ sizeBytes: this.sizeBytes });
  }

  /** From now on the device cannot read this object's data. */
  damage(store: ObjectStore, c: string, oid: HObject): boolean {
    if ((store.stat(c, oid)?.size ?? 0) === 0) return false;
    this.damaged.add(damageKey(c, oid));
    return true;
  }

  private wrap(live: MemoryStore, process: SimProcess): ObjectStore {
    const submit = (txn: Transaction, applied?: () => void): Promise<void> => {
      if (!process.isAlive) return new Promise(() => {});
      let isTaken = false;
      const taken = live.submit(txn, () => {
        isTaken = true;
        applied?.();
      });
      if (!isTaken) return taken;
      if (this.damaged.size > 0) this.mend(txn);
      return new Promise((done) => {
        this.waiting.push({ txn, done });
        if (this.waiting.length === 1) this.schedule(process);
      });
    };
    const read = (...args: Parameters<MemoryStore['read']>) => {
      if (this.damaged.size > 0 && this.damaged.has(damageKey(args[0], args[1]))) {
        throw new CephError('EIO', `checksum of ${args[1].name} in ${args[0]} does not match`);
      }
      const bytes = live.read(...args);
      const ms = this.extraMs + this.pace.readMaxMs * this.dice.unit();
      if (ms === 0) return bytes;
      const copy = Buffer.from(bytes); // as it was when the device was asked
      return new Promise<Uint8Array>((done) => {
        this.timeline.after(ms, () => process.enter(() => done(copy)));
      });
    };
    const own: Partial<ObjectStore> = { submit, read, flush: () => submit([]) };
    return wrappedStore(live, own);
  }

  private schedule(process: SimProcess): void {
    const { commitMinMs, commitMaxMs } = this.pace;
    const count = this.waiting.length;
    const ms = this.extraMs + commitMinMs + this.dice.unit() * (commitMaxMs - commitMinMs);
    this.timeline.after(ms, () =>
      process.enter(() => {
        const group = this.waiting.splice(0, count);
        for (const { txn } of group) if (txn.length > 0) void this.durable.submit(txn);
        if (this.waiting.length > 0) this.schedule(process);
        for (const { done } of group) done();
      }),
    );
  }

  /** What is written as a whole or removed can be read again, as far as it is there. */
  private mend(txn: Transaction): void {
    for (const op of txn) {
      if (op.op === 'remove' || (op.op === 'truncate' && op.size === 0)) {
        this.damaged.delete(damageKey(op.c, op.oid));
      } else if (op.op === 'clone') {
        if (!this.damaged.has(damageKey(op.c, op.from))) {
          this.damaged.delete(damageKey(op.c, op.to));
        } else this.damaged.add(damageKey(op.c, op.to));
      }
    }
  }
}

function damageKey(c: string, oid: HObject): string {
  return `${c}/${oid.namespace}/${oid.name}/${oid.snap}`;
}

/** Puts everything that is in one store into another, empty one. */
function copyStore(from: MemoryStore, to: MemoryStore): void {
  for (const c of from.collections()) {
    const ops: StoreOp[] = [{ op: 'mkcoll', c, bounds: from.bounds(c) }];
    let next: HObject | undefined = HOBJECT_MIN;
    while (next) {
      const page = from.list(c, next, PAGE);
      for (const oid of page.objects) copyObject(from, c, oid, ops);
      next = page.next;
    }
    void to.submit(ops);
  }
}

function copyObject(from: MemoryStore, c: string, oid: HObject, ops: StoreOp[]): void {
  const size = from.stat(c, oid)!.size;
  ops.push({ op: 'touch', c, oid });
  for (const { offset, length } of from.extents(c, oid, 0, size)) {
    ops.push({ op: 'write', c, oid, offset, data: from.read(c, oid, offset, length) });
  }
  ops.push({ op: 'truncate', c, oid, size });
  const attrs = from.getattrs(c, oid);
  if (attrs.size > 0) ops.push({ op: 'setattrs', c, oid, attrs });
  const header = from.omapHeader(c, oid);
  if (header) ops.push({ op: 'omapSetHeader', c, oid, header });
  const { entries } = from.omapList(c, oid, { limit: Number.MAX_SAFE_INTEGER });
  if (entries.length > 0) ops.push({ op: 'omapSet', c, oid, entries: new Map(entries) });
}
