import { assert } from '../src/errors/index.ts';
import { createMonStore, type Monitor, startMonitor } from '../src/mon/index.ts';
import { type Osd, startOsd } from '../src/osd/index.ts';
import { Rados } from '../src/rados/index.ts';
import type { ObjectStore } from '../src/store/index.ts';
import { ADDR, type EntityAddr, type HObject } from '../src/wire/index.ts';
import { BlockDisk } from './block-disk.ts';
import { fullAtTimes } from './full-store.ts';
import { SimNetwork } from './network.ts';
import type { SimOptions } from './options.ts';
import { type LogSink, SimProcess } from './process.ts';
import { Dice } from './random.ts';
import { type Lie, lying } from './sabotage.ts';
import type { StoreDisk } from './store-disk.ts';
import { tellDaemon } from './tell.ts';
import { Timeline } from './timeline.ts';
import { VolatileKeyValue } from './volatile-key-value.ts';
import { VolatileDisk } from './volatile-store.ts';

const FSID = '5e910a51-0000-4000-8000-000000000000';
const MON_ADDRESS = '10.0.0.1';
const MON_PORT = 3300;
const OSD_PORT = 6800;
/** Room of an OSD. */
const OSD_BYTES = 256 << 20;

const MON_ADDR: EntityAddr = {
  type: ADDR.msgr2,
  nonce: 0,
  host: MON_ADDRESS,
  port: MON_PORT,
};

/** A machine with an OSD: its disk lasts, its processes come and go. */
export interface SimOsd {
  readonly id: number;
  readonly address: string;
  readonly disk: StoreDisk;
  /** There is hardly any room on its disk. */
  isFull: boolean;
  process: SimProcess | undefined;
  osd: Osd | undefined;
  store: ObjectStore | undefined;
}

export interface SimClient {
  readonly name: string;
  readonly process: SimProcess;
  readonly rados: Rados;
}

/** Monitor, OSDs and clients on simulated machines, in virtual time. All chance is of the seed. */
export class SimCluster {
  readonly timeline = new Timeline();
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly seed: number;
  readonly osds: SimOsd[] = [];
  monitor: Monitor | undefined;
  monProcess: SimProcess | undefined;
  /** What ended daemons that nobody killed. */
  readonly fatal: string[] = [];
  /** Messages of level error, but for those of copies that were damaged. */
  readonly errors: string[] = [];
  /** Damaged copies: the OSD's and the object's names. */
  private readonly damaged = new Set<string>();
  private readonly monKv: VolatileKeyValue;
  private readonly config: ReadonlyMap<string, string>;
  private readonly lie: Lie | undefined;
  private clientCount = 0;

  /** @param lie what all stores do wrong */
  constructor(seed: number, options: SimOptions, lie?: Lie) {
    this.lie = lie;
    this.seed = seed;
    this.options = options;
    this.network = new SimNetwork(this.timeline, this.dice('network'), options.network);
    this.monKv = new VolatileKeyValue(this.timeline, this.dice('mon disk'), 5);
    this.config = new Map([
      ['osd_pool_default_pg_autoscale_mode', 'off'],
      ['osd_crush_chooseleaf_type', '0'],
      ['mon_allow_pool_delete', 'true'],
      ['mon_allow_pool_size_one', 'true'],
      ...options.config,
    ]);
  }

  dice(name: string): Dice {
    return new Dice(this.seed, name);
  }

  /** Notes something for the trace and for whoever reads along. */
  note(line: string): void {
    let h = 0;
    for (let i = 0; i < line.length; i++) h = (Math.imul(h, 31) + line.charCodeAt(i)) | 0;
    this.timeline.note(0, h, line.length, 0);
    this.timeline.tell?.(line);
  }

  /** Hears what daemons log. */
  readonly log: LogSink = (who, level, message, fields) => {
    if (level === 'error' && !this.isOfDamage(who, fields)) {
      this.errors.push(`${who}: ${message} ${textOf(fields)}`);
    }
    if (level !== 'debug') this.timeline.tell?.(`${who} ${level}: ${message} ${textOf(fields)}`);
  };

  /** The OSD may say that it met it. */
  noteDamage(osd: number, { name }: HObject): void {
    this.damaged.add(`osd.${osd} ${name}`);
  }
  private isOfDamage(who: string, fields: unknown): boolean {
    const { object } = (fields ?? {}) as { object?: unknown };
    return this.damaged.has(`${who} ${object}`);
  }

  /** Runs virtual time until a promise is settled. @throws Error when that takes longer than `boundMs` */
  async drive<T>(what: string, promise: Promise<T>, boundMs = 60_000): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    if (!(await this.timeline.run(this.timeline.now + boundMs, () => isSettled))) {
      throw new Error(`${what} took longer than ${boundMs} ms`);
    }
    return promise;
  }

  /** Makes the cluster: all daemons up, pools there. */
  async create(): Promise<void> {
    const { osds } = this.options;
    const store = this.monKv.kept;
    const where = { host: MON_ADDRESS, port: MON_PORT, nowMs: 1_700_000_000_000 };
    await createMonStore(store, { fsid: FSID, osds, ...where });
    await this.drive('the start of the monitor', this.startMon());
    for (let id = 0; id < osds; id++) this.addMachine();
    const started = this.osds.map((o) => this.startOsd(o.id));
    await this.drive('the start of the OSDs', Promise.all(started));
    await this.drive('the boot of the OSDs', Promise.all(this.osds.map((o) => o.osd!.booted)));
  }

  /** The name of the data of the machine that comes next. */
  get nextUuid(): string {
    return uuidOf(this.osds.length);
  }

  /** One more machine, whose OSD was given this id. */
  async startNewOsd(id: number): Promise<void> {
    assert(id === this.osds.length, `osd.${id} is new where osd.${this.osds.length} should be`);
    this.addMachine();
    await this.startOsd(id);
  }

  private addMachine(): SimOsd {
    const id = this.osds.length;
    const { pace, store } = this.options;
    const Disk = store === 'block' ? BlockDisk : VolatileDisk;
    const disk = new Disk(this.timeline, this.dice(`disk ${id}`), pace, OSD_BYTES);
    const address = `10.0.1.${id + 1}`;
    const machine: SimOsd = {
      id,
      address,
      disk,
      isFull: false,
      process: undefined,
      osd: undefined,
      store: undefined,
    };
    this.osds.push(machine);
    return machine;
  }

  private newProcess(name: string, address: string, machine: number): SimProcess {
    const { drift } = this.options;
    return new SimProcess(this.timeline, name, address, drift[machine % drift.length]!);
  }

  async startMon(): Promise<void> {
    if (this.monProcess?.isAlive) return;
    this.note('start mon.a');
    this.network.powered(MON_ADDRESS);
    const process = this.newProcess('mon.a', MON_ADDRESS, 0);
    this.monProcess = process;
    const monitor = await startMonitor({
      runtime: process.runtime(this.network, this.seed, this.log),
      store: this.monKv.open(process),
      host: MON_ADDRESS,
      port: MON_PORT,
      mgrPort: MON_PORT + 1,
      hostname: 'mon',
      config: this.config,
      onFatal: (e) => process.isAlive && this.fatal.push(`mon.a: ${textOfError(e)}`),
    });
    if (process.isAlive) this.monitor = monitor;
  }

  killMon(isPowerLost = false): void {
    if (!this.monProcess?.isAlive) return;
    this.note(`kill mon.a${isPowerLost ? ' by power' : ''}`);
    this.monProcess.kill();
    this.network.killed(this.monProcess, isPowerLost);
    this.monKv.crash();
    this.monitor = undefined;
  }

  /** Resolves when it has started, which is before the map shows it up. */
  async startOsd(id: number): Promise<void> {
    const machine = this.osds[id]!;
    if (machine.process?.isAlive) return;
    this.note(`start osd.${id}`);
    this.network.powered(machine.address);
    const process = this.newProcess(`osd.${id}`, machine.address, 1 + id);
    machine.process = process;
    const store = await machine.disk.open(process);
    if (!process.isAlive) return;
    const asked = this.lie ? lying(store, this.lie, id) : store;
    machine.store = fullAtTimes(asked, () => machine.isFull);
    const osd = await startOsd({
      runtime: process.runtime(this.network, this.seed, this.log),
      id,
      fsid: FSID,
      uuid: uuidOf(id),
      store: machine.store,
      monAddrs: [MON_ADDR],
      host: machine.address,
      port: OSD_PORT,
      hostname: `host${id}`,
      config: this.config,
      onFatal: (e) => {
        if (!process.isAlive) return;
        this.fatal.push(`osd.${id}: ${textOfError(e)}`);
        this.killOsd(id);
      },
    });
    if (process.isAlive) machine.osd = osd;
  }

  /** @param isPowerLost with its whole machine, of which nobody hears a word */
  killOsd(id: number, isPowerLost = false): void {
    const machine = this.osds[id]!;
    const { process } = machine;
    if (!process?.isAlive) return;
    this.note(`kill osd.${id}${isPowerLost ? ' by power' : ''}`);
    process.kill();
    this.network.killed(process, isPowerLost);
    machine.disk.crash(isPowerLost);
    machine.osd = undefined;
    machine.store = undefined;
  }

  isAlive(id: number): boolean {
    return this.osds[id]!.process?.isAlive === true;
  }

  /** A client on a machine of its own. Resolves when it has the map. */
  async client(): Promise<SimClient> {
    const n = ++this.clientCount;
    const name = `client.${n}`;
    const address = `10.0.2.${n % 250}`;
    const process = this.newProcess(name, address, 20 + n);
    const runtime = process.runtime(this.network, this.seed, this.log);
    const rados = await Rados.connect(runtime, { monAddrs: [MON_ADDR] });
    return { name, process, rados };
  }

  /** What an OSD answers to `ceph tell`. */
  tell(id: number, prefix: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const process = this.newProcess(`tell.${id}`, '10.0.3.1', 0);
    const runtime = process.runtime(this.network, this.seed, this.log);
    return tellDaemon(runtime, FSID, this.osds[id]!.osd!.addr, prefix, args);
  }

  killClient({ process, name }: SimClient): void {
    this.note(`kill ${name}`);
    process.kill();
    this.network.killed(process, false);
  }

  /** Machines by the name of what runs on them; `client`: all clients'. */
  addresses(of: string): string[] {
    if (of === 'mon.a') return [MON_ADDRESS];
    if (of.startsWith('osd.')) return [this.osds[Number(of.slice(4))]!.address];
    return Array.from({ length: this.clientCount }, (_, i) => `10.0.2.${(i + 1) % 250}`);
  }
}

function uuidOf(osd: number): string {
  return `5e910a51-0000-4000-8000-${String(osd + 1).padStart(12, '0')}`;
}

function textOfError(e: unknown): string {
  return e instanceof Error ? (e.stack ?? e.message) : String(e);
}

function textOf(fields: unknown): string {
  if (fields === undefined) return '';
  return JSON.stringify(fields, (_, v) => {
    if (typeof v === 'bigint') return `${v}`;
    return v instanceof Error ? v.message : v;
  });
}
