import { compareEVersion, EVERSION_ZERO, type EVersion } from '../../wire/index.ts';
import type { ClientOp, OpAnswer } from './client-request.ts';

/** A request with what it is answered. */
export interface Answer {
  readonly op: ClientOp;
  readonly answer: OpAnswer;
}

/** A change that not all members are known to have. */
export interface InFlight<Target> {
  readonly version: EVersion;
  /** What it changes. */
  readonly object: Target | undefined;
  readonly reqidKey: string;
  /** Who is told when all members have it. */
  answers: Answer[];
  /** Sends it to a member once more; set when it is on its way. */
  sendAgain: ((osd: number) => void) | undefined;
  /** Bytes of a write that is answered from memory, and what ends their use here. */
  readonly early: { readonly bytes: number; readonly done: () => void } | undefined;
}

/** Bytes of writes that may be answered from memory before they are durable; beyond them clients wait for the device. */
const EARLY_BYTES_MAX = 2 ** 20;

/**
 * The changes of a PG on their way to its members, in the order of their versions, and how far each member has come: what
 * it has made durable, and what it has applied.
 */
export class ChangesInFlight<Target> {
  private changes: InFlight<Target>[] = [];
  private here: EVersion = EVERSION_ZERO;
  private readonly durable = new Map<number, EVersion>();
  /** Those that are to be answered as soon as all members have applied them. */
  private early: InFlight<Target>[] = [];
  private earlyBytes = 0;
  private hereApplied: EVersion = EVERSION_ZERO;
  private readonly applied = new Map<number, EVersion>();

  get length(): number {
    return this.changes.length;
  }
  get last(): InFlight<Target> | undefined {
    return this.changes[this.changes.length - 1];
  }
  get all(): readonly InFlight<Target>[] {
    return this.changes;
  }
  /** One more write may be answered from memory. */
  get hasRoomForEarly(): boolean {
    return this.earlyBytes < EARLY_BYTES_MAX;
  }

  /** An interval begins in which all members have everything up to `version`. */
  begin(version: EVersion, others: readonly number[]): void {
    this.here = version;
    this.durable.clear();
    this.applied.clear();
    for (const osd of others) this.durable.set(osd, version);
  }
  /** The interval is over. */
  clear(): void {
    this.changes = [];
    this.early = [];
    this.earlyBytes = 0;
  }

  push(change: InFlight<Target>): void {
    this.changes.push(change);
  }
  find(reqidKey: string): InFlight<Target> | undefined {
    return this.changes.find((c) => c.reqidKey === reqidKey);
  }

  durableHere(version: EVersion): void {
    this.here = version;
  }
  /** A member has everything up to `version`. @returns whether that was news */
  durableAt(osd: number, version: EVersion): boolean {
    const known = this.durable.get(osd);
    if (!known || compareEVersion(version, known) <= 0) return false;
    this.durable.set(osd, version);
    return true;
  }
  /** Of a change that is answered early. */
  appliedHere(change: InFlight<Target>): void {
    this.earlyBytes += change.early!.bytes;
    this.early.push(change);
    this.hereApplied = change.version;
  }
  appliedAt(osd: number, version: EVersion): void {
    if (this.durable.has(osd)) this.applied.set(osd, version);
  }

  /** The session with a member was reset: what it has not acknowledged may be lost. */
  sendAgain(osd: number): void {
    const known = this.durable.get(osd);
    if (!known) return;
    for (const c of this.changes) if (compareEVersion(c.version, known) > 0) c.sendAgain?.(osd);
  }

  /** Takes out the answers of writes that all members have applied, if their clients want no more. */
  takeApplied(): Answer[] {
    const { early } = this;
    if (early.length === 0) return NONE;
    let everywhere = this.hereApplied;
    for (const [osd, durable] of this.durable) {
      const applied = this.applied.get(osd) ?? durable;
      const v = compareEVersion(applied, durable) > 0 ? applied : durable;
      if (compareEVersion(v, everywhere) < 0) everywhere = v;
    }
    const out: Answer[] = [];
    while (early.length > 0 && compareEVersion(early[0]!.version, everywhere) <= 0) {
      const change = early.shift()!;
      for (const a of change.answers) if (a.op.ack === 'memory') out.push(a);
      change.answers = change.answers.filter(({ op }) => op.ack !== 'memory');
    }
    return out;
  }

  /** Takes out what all members have made durable, oldest first. */
  takeDurable(): InFlight<Target>[] {
    const { changes } = this;
    let everywhere = this.here;
    for (const v of this.durable.values()) if (compareEVersion(v, everywhere) < 0) everywhere = v;
    let n = 0;
    while (n < changes.length && compareEVersion(changes[n]!.version, everywhere) <= 0) n++;
    if (n === 0) return NONE;
    const out = changes.splice(0, n);
    for (const { early } of out) {
      if (!early) continue;
      this.earlyBytes -= early.bytes;
      early.done();
    }
    return out;
  }
}
const NONE: never[] = [];
