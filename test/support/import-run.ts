import {
  byteString,
  bytes,
  Decoder,
  decodeAll,
  encodeToBytes,
  map,
  struct,
  u64,
} from '../../src/codec/index.ts';
import { MOSDLease, MPgPush, MRepAck } from '../../src/osd/peer-messages.ts';
import type { Pg } from '../../src/osd/pg/pg.ts';
import type { OpAnswer } from '../../src/osd/requests/client-request.ts';
import { argsBytes, HOBJECT_MIN, HObject, OSD_OP, PgnlsOutput } from '../../src/wire/index.ts';
import {
  ask,
  contentsOf,
  type SimNode,
  type SimOptions,
  type SimRequest,
  SimWorld,
} from './osd-sim.ts';

const LOG = 40;
/** Logs that are cut, and short pages, so that whoever is new to the PG has to import it, in many steps. */
const IMPORT_OPTIONS: Partial<SimOptions> = {
  osds: 6,
  size: 2,
  minSize: 2,
  logKeep: LOG,
  logMax: LOG,
  listMax: 3,
  commitMs: 5,
};

const OmapValues = map(byteString, bytes);
const OmapPage = struct('page', { after: byteString, count: u64, prefix: byteString });
/** CREATE refuses what exists: CEPH_OSD_OP_FLAG_EXCL. */
const EXCL = 1;

/** A PG that is moved from OSD to OSD, a client that knows what every object must hold, and counts of what moves. */
export class ImportRun {
  readonly world: SimWorld;
  /** What was answered last; undefined: deleted. */
  readonly model = new Map<string, string | undefined>();
  /** Objects that reads found to be otherwise. */
  readonly wrong: string[] = [];
  /** Messages between OSDs beside leases and acknowledgements. */
  messages = 0;
  /** Objects that began to be copied, and their bytes. */
  copies = 0;
  copiedBytes = 0;
  private readonly busy = new Set<string>();
  private readonly atMessage = new Map<number, () => void>();
  private tid = 0;
  private isWorking = false;

  constructor(seed: number, options: Partial<SimOptions> = {}) {
    this.world = new SimWorld(seed, { ...IMPORT_OPTIONS, ...options });
    this.world.onSend = (_from, _to, message) => {
      if (message.type === MOSDLease.type || message.type === MRepAck.type) return true;
      this.messages++;
      this.atMessage.get(this.messages)?.();
      if (message.type === MPgPush.type && message.data) {
        this.copies++;
        for (const piece of message.data) this.copiedBytes += piece.length;
      }
      return true;
    };
  }

  /** The PG is made on the first OSDs, written to, and clean. */
  async begin(objects = 12): Promise<void> {
    await this.world.begin();
    for (let i = 0; i < objects; i++) await this.write(`o${i}`, `first of ${i}`);
    for (let i = 0; i < objects; i += 5) await this.write(`o${i}`, `second of ${i}`);
    for (let i = 3; i < objects; i += 4) await this.remove(`o${i}`);
    await this.write('o3', 'once more');
    await this.setOmap('o8', { first: 'of 8' });
    // What was written so far is not in the log any more.
    for (let i = 0; i < LOG + 5; i++) await this.write('o0', `${i} times`);
    await this.clean();
  }

  get primary(): Pg | undefined {
    return this.world.nodes[this.world.view.primary]?.pg;
  }
  get story(): string {
    return this.world.lines.slice(-80).join('\n');
  }

  /** Runs `then` when so many more messages were sent. */
  afterMessages(count: number, then: () => void): void {
    this.atMessage.set(this.messages + count, () => this.world.time.after(0, then));
  }

  /** @throws Error when it takes longer than so many virtual ms */
  async until(what: string, isSo: () => boolean, mostMs = 30_000): Promise<void> {
    const end = this.world.time.now + mostMs;
    while (!isSo()) {
      if (this.world.time.now > end) throw new Error(`not ${what} in time\n${this.story}`);
      await this.world.time.until(5);
    }
  }

  /** All members have everything, and nobody else has anything. */
  async clean(mostMs = 30_000): Promise<void> {
    const { world } = this;
    const isGone = (node: SimNode): boolean =>
      world.view.acting.includes(node.id) || !node.isAlive || (!node.pg && !node.isRemoving);
    await this.until('clean', () => Boolean(this.primary?.isClean), mostMs);
    await this.until('rid of strays', () => world.nodes.every(isGone), mostMs);
  }

  async request(r: Omit<SimRequest, 'client' | 'tid'>, mostMs?: number): Promise<OpAnswer> {
    let answer: OpAnswer | undefined;
    // Who waits for a bounded time has the newest map.
    const isInformed = mostMs !== undefined;
    ask(this.world, { client: 1, tid: ++this.tid, isInformed, ...r }, (a) => {
      answer = a;
    });
    await this.until(`answered: ${r.name}`, () => answer !== undefined, mostMs);
    return answer!;
  }

  async write(name: string, text: string, mostMs?: number): Promise<void> {
    const data = Buffer.from(text);
    const r = await this.request({ name, code: OSD_OP.WRITEFULL, data, mayWrite: true }, mostMs);
    if (r.result !== 0) this.wrong.push(`write of ${name}: ${r.result}`);
    this.model.set(name, text);
  }

  async remove(name: string, mostMs?: number): Promise<void> {
    const r = await this.request({ name, code: OSD_OP.DELETE, mayWrite: true }, mostMs);
    const expected = this.model.get(name) === undefined ? -2 : 0;
    if (r.result !== expected) this.wrong.push(`delete of ${name}: ${r.result}`);
    this.model.set(name, undefined);
  }

  async append(name: string, text: string, mostMs?: number): Promise<void> {
    const data = Buffer.from(text);
    await this.change(name, OSD_OP.APPEND, 0, { data }, mostMs);
    this.model.set(name, `${this.model.get(name) ?? ''}${text}`);
  }

  /** Makes an object that must not exist yet. */
  async create(name: string, result: number, mostMs?: number): Promise<void> {
    await this.change(name, OSD_OP.CREATE, result, { flags: EXCL }, mostMs);
    if (result === 0) this.model.set(name, '');
  }

  async setOmap(name: string, entries: Record<string, string>, mostMs?: number): Promise<void> {
    const values = new Map(Object.entries(entries).map(([k, v]) => [k, Buffer.from(v)]));
    const data = encodeToBytes(OmapValues, values);
    await this.change(name, OSD_OP.OMAPSETVALS, 0, { data }, mostMs);
  }

  async getOmap(name: string, mostMs?: number): Promise<Record<string, string>> {
    const data = encodeToBytes(OmapPage, { after: '', count: 100n, prefix: '' });
    const r = await this.request({ name, code: OSD_OP.OMAPGETVALS, data, mayWrite: false }, mostMs);
    const values = OmapValues.decode(new Decoder(r.outcome!.outputs[0]!));
    return Object.fromEntries([...values].map(([k, v]) => [k, Buffer.from(v).toString()]));
  }

  /** Names of all objects as a client lists them, in pages. */
  async list(pageSize: number, mostMs?: number): Promise<string[]> {
    const names: string[] = [];
    let from: HObject = { ...HOBJECT_MIN, pool: 1 };
    for (;;) {
      const args = argsBytes('pgls', { count: pageSize, startEpoch: 0 });
      const what = { data: encodeToBytes(HObject, from), args, mayWrite: false, isPgOp: true };
      const r = await this.request({ name: '', code: OSD_OP.PGNLS, ...what }, mostMs);
      const page = decodeAll(PgnlsOutput, r.outcome!.outputs[0]!);
      names.push(...page.entries.map((e) => e.name));
      if (r.result === 1) return names;
      from = page.handle;
    }
  }

  private async change(
    name: string,
    code: number,
    result: number,
    more: Partial<SimRequest>,
    mostMs?: number,
  ): Promise<void> {
    const r = await this.request({ name, code, mayWrite: true, ...more }, mostMs);
    if (r.result !== result) this.wrong.push(`${code} of ${name}: ${r.result}`);
  }

  async read(name: string, mostMs?: number): Promise<string | undefined> {
    const r = await this.request({ name, code: OSD_OP.READ, mayWrite: false }, mostMs);
    return r.result < 0 ? undefined : Buffer.from(r.outcome?.outputs[0] ?? []).toString();
  }

  /** Every object is as it was answered. */
  async check(mostMs?: number): Promise<void> {
    const all = [...this.model.keys()].filter((name) => !this.busy.has(name));
    for (const name of all) this.busy.add(name);
    await Promise.all(all.map((name) => this.checkOne(name, mostMs)));
  }

  /** @param name busy, and free afterwards */
  private async checkOne(name: string, mostMs?: number): Promise<void> {
    const got = await this.read(name, mostMs);
    this.busy.delete(name);
    const expected = this.model.get(name);
    if (got !== expected) this.wrong.push(`${name}: ${got} instead of ${expected}`);
  }

  /** Clients at work until {@link rest}: one request of each object at a time. */
  work(objects = 14): void {
    this.isWorking = true;
    const { world } = this;
    let count = 0;
    const next = (): void => {
      if (!this.isWorking) return;
      world.time.after(10 + world.random(20), next);
      const name = `o${world.random(objects)}`;
      if (this.busy.has(name)) return;
      this.busy.add(name);
      const free = (): void => {
        this.busy.delete(name);
      };
      const doing = [
        () => this.write(name, `work ${++count}`),
        () => this.remove(name),
        () => this.checkOne(name),
      ][world.random(3)]!;
      doing().then(free, (e: Error) => {
        this.wrong.push(e.message);
      });
    };
    next();
  }

  async rest(): Promise<void> {
    this.isWorking = false;
    await this.until('at rest', () => this.busy.size === 0);
  }

  /** What the members hold is what clients were answered, and nobody else holds anything. */
  async end(): Promise<void> {
    await this.rest();
    await this.clean();
    await this.check();
    const { world } = this;
    const expected = [...this.model].flatMap(([name, text]) =>
      text === undefined ? [] : [`${name}=${text}`],
    );
    for (const node of world.nodes) {
      if (node.fatal) this.wrong.push(`osd.${node.id}: ${(node.fatal as Error).stack}`);
      if (!node.isAlive) continue;
      const isMember = world.view.acting.includes(node.id);
      const contents = node.contents.hasCollection('1.0') ? await contentsOf(node) : new Map();
      const held = [...contents].map(([name, text]) => `${name}=${text.split('|')[0]}`);
      const wanted = isMember ? expected.sort().join() : '';
      if (held.sort().join() !== wanted) this.wrong.push(`osd.${node.id} holds ${held}`);
      if (isMember && node.pg!.state.import) this.wrong.push(`osd.${node.id} still imports`);
    }
    if (world.taken.size > 0) this.wrong.push(`${world.taken.size} requests forgotten`);
  }
}
