import { CephError } from '../errors/index.ts';
import type { DiskFile } from '../runtime/index.ts';
import { BLOCK_BYTES, type Run } from './allocator.ts';
import type { Unwritten } from './extent.ts';
import type { Onode } from './onode.ts';
import type { Changes, Overlay } from './overlay.ts';
import type { WideKeyValue } from './wide-key-value.ts';

/** Whole units for the data file. */
interface UnitWrite {
  readonly unit: number;
  readonly count: number;
  readonly buffers: Uint8Array[];
  /** Large data of a client, which it has itself: the system need not keep it. */
  readonly once: boolean;
}

/** Transactions that become durable together, in one commit of the key/value store. */
export interface Group {
  readonly number: number;
  readonly changes: Changes;
  /** Objects it changed; their records are written into `changes` when it is sealed. */
  readonly onodes: Map<string, Onode>;
  /** Data for freshly allocated units, to be synced before the commit. */
  readonly writes: UnitWrite[];
  readonly unwritten: Unwritten[];
  /** Units to be used again when it is durable. */
  readonly freed: Run[];
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: CephError) => void;
}

export interface CommitterOptions {
  file: DiskFile;
  kv: WideKeyValue;
  overlay: Overlay;
  /** Called when a group takes no more: puts the records of its objects into `changes`. */
  seal(group: Group): void;
  /** Called when a group is durable and can be read back. */
  settle(group: Group): void;
  /** Called between groups, to add work of the store's own to the one that gathers. */
  idle(): void;
  failed(error: CephError): void;
}

/**
 * Takes groups to the device: the data of a group is written and synced (only if it has any), then its metadata is
 * committed. Groups commit strictly one after another, so what survives a crash is a prefix; while one commits, the
 * data of the next is written and a third gathers. After the first failure nothing more is written: a later group
 * would build on one that is not there.
 */
export class Committer {
  gathering: Group;
  failure: CephError | undefined;
  private readonly o: CommitterOptions;
  private number = 0;
  private scheduled = false;
  private writing = false;
  private underWay = 0;
  /** Resolves, never rejects, when the group sealed last has finished or failed. */
  private last: Promise<void> = Promise.resolve();

  constructor(options: CommitterOptions) {
    this.o = options;
    this.gathering = this.newGroup();
  }

  /** Lets the gathering group go as soon as the device is ready for it. @returns when it is durable */
  join(): Promise<void> {
    if (this.gathering.changes.size === 0) return this.settled();
    if (!this.scheduled) {
      this.scheduled = true;
      queueMicrotask(() => {
        this.scheduled = false;
        this.pump();
      });
    }
    return this.gathering.durable;
  }

  /** Nothing that is not durable becomes so any more. @returns rejects */
  stop(error: unknown): Promise<void> {
    const { durable } = this.gathering;
    this.fail(this.gathering, error);
    return durable;
  }

  private async settled(): Promise<void> {
    await this.last;
    if (this.failure) throw this.failure;
  }

  /** Resolves when nothing is under way and nothing gathers. */
  async drain(): Promise<void> {
    while (!this.failure && (this.underWay > 0 || this.gathering.changes.size > 0)) {
      await this.join().catch(() => {}); // its submitter hears of it
    }
    await this.last;
  }

  private pump(): void {
    // One group writes while one commits; the rest gather, which is what makes groups large under load.
    const group = this.gathering;
    if (this.writing || this.failure || this.underWay > 1 || group.changes.size === 0) return;
    if (this.underWay === 1 && group.writes.length === 0) return;
    this.o.idle();
    this.o.seal(group);
    this.gathering = this.newGroup();
    this.underWay++;
    this.last = this.run(group, this.last);
  }

  private async run(group: Group, before: Promise<void>): Promise<void> {
    try {
      if (group.writes.length > 0) await this.writeData(group);
      if (this.underWay > 1) await before;
      if (this.failure) throw this.failure;
      const committed = this.o.kv.commit(group.changes);
      this.pump();
      await committed;
    } catch (error) {
      this.underWay--;
      this.fail(group, error);
      return;
    }
    this.underWay--;
    this.o.overlay.shift();
    this.o.settle(group);
    group.resolve();
    this.pump();
  }

  private async writeData(group: Group): Promise<void> {
    const { file } = this.o;
    this.writing = true;
    group.writes.sort((a, b) => a.unit - b.unit);
    const running: Promise<void>[] = [];
    for (let i = 0; i < group.writes.length; ) {
      const first = group.writes[i]!;
      const buffers = [...first.buffers];
      let end = first.unit + first.count;
      for (i++; i < group.writes.length; i++) {
        const next = group.writes[i]!;
        if (next.unit !== end || next.once !== first.once) break;
        buffers.push(...next.buffers);
        end += next.count;
      }
      running.push(file.write(buffers, first.unit * BLOCK_BYTES, first.once ? 'once' : undefined));
    }
    try {
      await Promise.all(running);
      await file.sync();
    } catch (error) {
      // All of them end first: bytes that are another's again, or a file that is closed, must not be written.
      await Promise.allSettled(running);
      throw error;
    } finally {
      this.writing = false;
    }
    for (const u of group.unwritten) u.data = undefined;
  }

  private fail(group: Group, error: unknown): void {
    if (!this.failure) {
      const cause = error instanceof CephError ? error : undefined;
      const text = error instanceof Error ? error.message : String(error);
      this.failure = new CephError(cause?.errno ?? 'EIO', `the store failed: ${text}`, {
        cause: error,
      });
      this.o.failed(this.failure);
    }
    group.reject(this.failure);
    this.gathering.reject(this.failure);
  }

  private newGroup(): Group {
    let resolve = () => {};
    let reject: (error: CephError) => void = () => {};
    const durable = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    durable.catch(() => {}); // submitters hold the same promise; a group of the store's own has none
    const group: Group = {
      number: ++this.number,
      changes: new Map(),
      onodes: new Map(),
      writes: [],
      unwritten: [],
      freed: [],
      durable,
      resolve,
      reject,
    };
    this.o.overlay.push(group.changes);
    return group;
  }
}
