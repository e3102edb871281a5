import { assert } from '../src/errors/index.ts';
import { createMonStore, type Monitor, startMonitor } from '../src/mon/index.ts';
import { Rados } from '../src/rados/index.ts';
import { ADDR, type EntityAddr, type HObject } from '../src/wire/index.ts';
import { type MachineScope, SimMachine } from './machine.ts';
import { SimNetwork } from './network.ts';
import type { SimOptions } from './options.ts';
import { type LogSink, SimProcess } from './process.ts';
import { Dice } from './random.ts';
import type { Lie } from './sabotage.ts';
import { DaemonTalk } from './tell.ts';
import { Timeline } from './timeline.ts';
import { VolatileKeyValue } from './volatile-key-value.ts';
import { Witness } from './witness.ts';

const FSID = '5e910a51-0000-4000-8000-000000000000';
const MON_ADDRESS = '10.0.0.1';
const MON_PORT = 3300;

const MON_ADDR: EntityAddr = {
  type: ADDR.msgr2,
  nonce: 0,
  host: MON_ADDRESS,
  port: MON_PORT,
};

export interface SimClient {
  readonly name: string;
  readonly process: SimProcess;
  readonly rados: Rados;
}

/** Monitor, OSDs and clients on simulated machines, in virtual time. All chance is of the seed. */
export class SimCluster implements MachineScope {
  readonly timeline = new Timeline();
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly seed: number;
  readonly fsid = FSID;
  readonly monAddr = MON_ADDR;
  /** By id. */
  private readonly machines = new Map<number, SimMachine>();
  private machineCount = 0;
  readonly witness: Witness;
  /** A client was told that the object has, or had, this version. */
  isTold: (oid: HObject, userVersion: bigint) => boolean = () => false;
  monitor: Monitor | undefined;
  monProcess: SimProcess | undefined;
  /** What ended daemons that nobody killed. */
  readonly fatal: string[] = [];
  /** Messages of level error, but for those of copies that were damaged. */
  readonly errors: string[] = [];
  /** Damaged copies: the OSD's and the object's names. */
  private readonly damaged = new Set<string>();
  private readonly monKv: VolatileKeyValue;
  readonly config: ReadonlyMap<string, string>;
  /** What is wrong on purpose. */
  readonly lie: Lie | undefined;
  private clientCount = 0;

  /** @param lie what is wrong on purpose */
  constructor(seed: number, options: SimOptions, lie?: Lie) {
    this.lie = lie;
    this.seed = seed;
    this.options = options;
    this.network = new SimNetwork(this.timeline, this.dice('network'), options.network);
    this.monKv = new VolatileKeyValue(
      this.timeline,
      this.dice('mon disk'),
      5,
      lie === 'forgotten maps',
    );
    this.config = new Map([
      ['osd_pool_default_pg_autoscale_mode', 'off'],
      ['osd_crush_chooseleaf_type', '0'],
      ['mon_allow_pool_delete', 'true'],
      ['mon_allow_pool_size_one', 'true'],
      ...options.config,
    ]);
    this.witness = new Witness({
      entriesMax: entriesMax(options),
      isTold: (oid, userVersion) => this.isTold(oid, userVersion),
    });
  }

  /** Those that are there, by id. */
  get osds(): SimMachine[] {
    return [...this.machines.values()].sort((a, b) => a.id - b.id);
  }
  osd(id: number): SimMachine | undefined {
    return this.machines.get(id);
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
    for (let id = 0; id < osds; id++) this.addMachine(id, uuidOf(id));
    const started = this.osds.map((o) => this.startOsd(o.id));
    await this.drive('the start of the OSDs', Promise.all(started));
    await this.drive('the boot of the OSDs', Promise.all(this.osds.map((o) => o.osd!.booted)));
  }

  /** The name of the data of the machine that comes next. */
  get nextUuid(): string {
    return uuidOf(this.machineCount);
  }

  /** One more machine, whose OSD was given this id, which may have been another's. */
  async startNewOsd(id: number): Promise<void> {
    assert(!this.machines.has(id), `osd.${id} is there already`);
    this.addMachine(id, this.nextUuid);
    await this.startOsd(id);
  }

  /** A machine is taken away, with all that was on it. */
  removeMachine(id: number): void {
    this.machines.get(id)?.kill(true);
    this.note(`remove the machine of osd.${id}`);
    this.machines.delete(id);
  }

  private addMachine(id: number, uuid: string): void {
    const number = this.machineCount++;
    const { shards, osds } = this.options;
    // One that comes later has no shards: with some counts pools could not get where they are on their way to.
    const count = number < osds ? shards[number % shards.length]! : 1;
    this.machines.set(id, new SimMachine(this, id, uuid, number, count));
  }

  newProcess(name: string, address: string, machine: number): SimProcess {
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
      onFatal: (e) => process.isAlive && this.stopped('mon.a', e),
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

  async startOsd(id: number): Promise<void> {
    await this.machines.get(id)?.start();
  }

  stopped(who: string, error: unknown): void {
    this.fatal.push(`${who}: ${textOfError(error)}`);
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

  /** What an OSD answers to `ceph tell`; close it. */
  talkTo(id: number): DaemonTalk {
    const process = this.newProcess(`tell.${id}`, '10.0.3.1', 0);
    const runtime = process.runtime(this.network, this.seed, this.log);
    return new DaemonTalk(runtime, FSID, this.machines.get(id)!.osd!.addr);
  }

  killClient({ process, name }: SimClient): void {
    this.note(`kill ${name}`);
    process.kill();
    this.network.killed(process, false);
  }

  /** Machines by the name of what runs on them; `client`: all clients'. */
  addresses(of: string): string[] {
    if (of === 'mon.a') return [MON_ADDRESS];
    if (of.startsWith('osd.')) {
      const machine = this.machines.get(Number(of.slice(4)));
      return machine ? [machine.address] : [];
    }
    return Array.from({ length: this.clientCount }, (_, i) => `10.0.2.${(i + 1) % 250}`);
  }
}

function uuidOf(machine: number): string {
  return `5e910a51-0000-4000-8000-${String(machine + 1).padStart(12, '0')}`;
}

/** Times that a log may have as many entries as options say: while somebody lists, and what it takes over then. */
const LISTED_TIMES = 2 * 4;

/** Entries that a log never has more than, whatever happens. */
function entriesMax({ config, clients, threads }: SimOptions): number {
  const option = (name: string): number => Number(config.get(name));
  const stride = option('osd_pg_log_trim_min');
  const most = Math.max(
    option('osd_max_pg_log_entries'),
    option('osd_min_pg_log_entries') + stride,
  );
  // Requests under way are written anyhow.
  return LISTED_TIMES * most + stride + 4 * clients * threads;
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
