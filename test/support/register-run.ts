import { MPgReadDone } from '../../src/osd/peer-messages.ts';
import type { Pg } from '../../src/osd/pg/pg.ts';
import type { OpAnswer } from '../../src/osd/requests/client-request.ts';
import { argsBytes, decodeFront, OSD_OP } from '../../src/wire/index.ts';
import { ask, type SimOptions, type SimRequest, SimWorld } from './osd-sim.ts';

/** Larger than what is always imported before it is read. */
const BYTES = 70_000;
/** A read of so much tells which write it is of. */
const HEAD = 16;

/** One object as its clients know it: a number that grows with every write. */
interface Register {
  readonly name: string;
  /** By the one who writes. */
  sent: number;
  /** A read that begins now must return this at least: it was answered, or read. */
  floor: number;
  isBusy: boolean;
}

/**
 * A PG of large objects that is moved from OSD to OSD, with clients that write them whole and read their first bytes. Each
 * object has one writer at a time and any number of readers, so a read is right if it returns at least what was answered
 * or read before it began, and no more than what was sent before it ended: an atomic register.
 */
export class RegisterRun {
  readonly world: SimWorld;
  readonly wrong: string[] = [];
  /** Reads that holders did for the primary. */
  elsewhere = 0;
  private readonly registers: Register[] = [];
  private readonly open = new Set<string>();
  private tid = 0;
  private isWorking = false;

  constructor(seed: number, options: Partial<SimOptions> = {}) {
    this.world = new SimWorld(seed, {
      ...{ osds: 6, size: 2, minSize: 2, logKeep: 10, logMax: 20, listMax: 3, commitMs: 5 },
      copies: 0,
      ...options,
    });
    this.world.onSend = (_from, _to, m) => {
      if (m.type === MPgReadDone.type && decodeFront(MPgReadDone, m).done) {
        this.elsewhere++;
      }
      return true;
    };
  }

  get primary(): Pg | undefined {
    return this.world.nodes[this.world.view.primary]?.pg;
  }
  get story(): string {
    return this.world.lines.slice(-80).join('\n');
  }

  async begin(objects: number): Promise<void> {
    await this.world.begin();
    for (let i = 0; i < objects; i++) {
      this.registers.push({ name: `o${i}`, sent: 0, floor: 0, isBusy: false });
    }
    // So often that logs do not reach back, and whoever is new has to import.
    for (let i = 0; i < 4; i++) for (const r of this.registers) await this.write(r);
    await this.until('clean', () => Boolean(this.primary?.isClean));
  }

  /** @throws Error when it takes longer than so many virtual ms */
  async until(what: string, isSo: () => boolean, mostMs = 30_000): Promise<void> {
    const end = this.world.time.now + mostMs;
    while (!isSo()) {
      if (this.world.time.now > end) throw new Error(`not ${what} in time\n${this.story}`);
      await this.world.time.until(5);
    }
  }

  /** The PG is moved, and its new primary serves without having an object. */
  async moveTo(osds: readonly number[]): Promise<void> {
    this.world.place(osds);
    await this.until('moved', () => this.primary?.host.id === osds[0] && this.primary!.isActive);
  }

  async request(r: Omit<SimRequest, 'client' | 'tid'>, mostMs?: number): Promise<OpAnswer> {
    let answer: OpAnswer | undefined;
    const id = `${r.name} ${++this.tid}`;
    this.open.add(id);
    const isInformed = mostMs !== undefined;
    ask(this.world, { client: 1, tid: this.tid, isInformed, ...r }, (a) => {
      answer = a;
      this.open.delete(id);
    });
    await this.until(`answered: ${r.name}`, () => answer !== undefined, mostMs ?? 120_000);
    return answer!;
  }

  /** Some bytes of an object. */
  async readRange(name: string, offset: number, length: number, mostMs?: number): Promise<string> {
    const extent = { offset, length, truncateSize: 0, truncateSeq: 0 };
    const args = argsBytes('extent', extent);
    const a = await this.request({ name, code: OSD_OP.READ, args, mayWrite: false }, mostMs);
    if (a.result !== 0) this.wrong.push(`read of ${name}: ${a.result}`);
    return Buffer.from(a.outcome?.outputs[0] ?? []).toString();
  }

  async write(register: Register | string, mostMs?: number): Promise<void> {
    const r = typeof register === 'string' ? this.of(register) : register;
    const value = ++r.sent;
    const data = Buffer.alloc(BYTES, `${value} `.padStart(HEAD, '.'));
    const what = { name: r.name, code: OSD_OP.WRITEFULL, data, mayWrite: true };
    const { result } = await this.request(what, mostMs);
    if (result !== 0) this.wrong.push(`write of ${r.name}: ${result}`);
    r.floor = Math.max(r.floor, value);
  }

  /** Reads an object's number, and whether it may be that. */
  async check(register: Register | string, mostMs?: number): Promise<void> {
    const r = typeof register === 'string' ? this.of(register) : register;
    const { floor } = r;
    const text = await this.readRange(r.name, 0, HEAD, mostMs);
    const value = Number(text.replaceAll('.', ''));
    if (!(value >= floor && value <= r.sent)) {
      this.wrong.push(`${r.name}: ${value} instead of ${floor} to ${r.sent}`);
    }
    r.floor = Math.max(r.floor, value);
  }

  private of(name: string): Register {
    return this.registers.find((r) => r.name === name)!;
  }

  /** Clients at work until {@link rest}: reads at any time, a write of each object at a time. */
  work(): void {
    this.isWorking = true;
    const { world } = this;
    const failed = (e: Error): void => {
      this.wrong.push(e.message);
    };
    const next = (): void => {
      if (!this.isWorking) return;
      world.time.after(5 + world.random(20), next);
      const r = this.registers[world.random(this.registers.length)]!;
      if (world.random(6) > 0) void this.check(r).catch(failed);
      else if (!r.isBusy) {
        r.isBusy = true;
        const free = (): void => {
          r.isBusy = false;
        };
        void this.write(r).then(free, failed);
      }
    };
    next();
  }

  /** All is answered, the PG is clean, and all objects are what they may be. */
  async end(): Promise<void> {
    this.isWorking = false;
    this.world.allowCopies(4);
    await this.until('at rest', () => this.open.size === 0, 120_000);
    await this.until('clean', () => Boolean(this.primary?.isClean), 120_000);
    for (const r of this.registers) await this.check(r);
    for (const node of this.world.nodes) {
      if (node.fatal) this.wrong.push(`osd.${node.id}: ${(node.fatal as Error).stack}`);
    }
    if (this.world.taken.size > 0) this.wrong.push(`${this.world.taken.size} requests forgotten`);
  }
}
