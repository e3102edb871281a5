import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClusterDir, type ClusterFile, osdIds, SHARDS_MAX } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { addressIn } from '../runtime-node/index.ts';
import { lastWords, launch, letGo } from './launch.ts';
import { freeBasePort, portInUse } from './ports.ts';
import { ADOPT_SIGNAL, claim, runningDaemon, runningDaemons, stopDaemons } from './processes.ts';
import { checkDevices, devicesOf, wipeDevices } from './up-devices.ts';
import type { Command, Parsed } from './usage.ts';

export const upCommand: Command = {
  words: 'up DIR [--osds N] [--shards K] [--devices A,B,...] [--port P] [--detach]',
  about: 'Starts the cluster in DIR, made there first if DIR is missing or empty.',
  positionals: ['DIR'],
  options: {
    osds: { type: 'string' },
    shards: { type: 'string' },
    devices: { type: 'string' },
    wipe: { type: 'boolean' },
    port: { type: 'string' },
    host: { type: 'string' },
    'public-addr': { type: 'string' },
    'public-network': { type: 'string' },
    'cluster-addr': { type: 'string' },
    'cluster-network': { type: 'string' },
    detach: { type: 'boolean' },
  },
  help: {
    osds: 'OSDs of a new cluster (1 to 64, default 3)',
    shards: `threads of each OSD of a new cluster, which share its PGs (1 to ${SHARDS_MAX}, default 1)`,
    devices: 'block devices for the data of the OSDs of a new cluster, one for each OSD',
    wipe: 'take these devices whatever they hold; it is gone then',
    port: "monitor's port of a new cluster; the manager takes the next, OSD n takes P+10+n",
    host: 'address to listen on (default 127.0.0.1)',
    'public-addr': 'the same',
    'public-network': 'network in which to find that address',
    'cluster-addr':
      'address at which the OSDs of a new cluster listen for each other (default the same)',
    'cluster-network': 'network in which to find that one',
    detach: 'return when the cluster is healthy and leave it running',
  },
};

const READY_MS = 60_000;

/** One daemon as a child process. */
interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly startedMs: number;
  /** It came later: that it does not start is no reason to end the others. */
  readonly isLate: boolean;
  ready: boolean;
}

export async function up(args: Parsed): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  const refusal = dir.read() ? undefined : dir.refusal();
  if (refusal) throw new CephError('ENOTEMPTY', refusal);
  portOf(args); // bad numbers are refused before anything is made
  shardsOf(args);
  refuseRunning(dir);
  const firstMade = mkdirSync(dir.path, { recursive: true });
  try {
    const unclaim = claim(dir, 'up', `another 'sepiola up' is at work in ${dir.path}`);
    try {
      return await upClaimed(dir, args);
    } finally {
      unclaim();
    }
  } finally {
    removeEmpty(dir.path, firstMade);
  }
}

function refuseRunning(dir: ClusterDir): void {
  const running = [runningDaemon(dir, 'up') ?? [], runningDaemons(dir)].flat();
  if (running.length === 0) return;
  const who = running.map((d) => `${d.name} pid ${d.pid}`).join(', ');
  throw new CephError('EBUSY', `a cluster already runs in ${dir.path} (${who})`);
}

/** Takes back the directories that we made and left empty. */
function removeEmpty(path: string, firstMade: string | undefined): void {
  if (firstMade === undefined) return;
  try {
    for (let p = path; p.length >= firstMade.length; p = dirname(p)) rmdirSync(p);
  } catch {
    // In use, as it should be.
  }
}

/** With no other `up` in this directory. */
async function upClaimed(dir: ClusterDir, args: Parsed): Promise<number> {
  const detach = args.flag('detach');
  const found = dir.read();
  const cluster = found ? await reopen(dir, found, args) : await create(dir, args);
  const supervisor = new Supervisor(dir, cluster, detach);
  try {
    await supervisor.start();
    const { banner } = await import('./banner.ts');
    process.stdout.write(await banner(dir, cluster, detach));
    if (detach) await supervisor.leave();
  } catch (e) {
    await supervisor.stop();
    if (!found) dir.discard();
    if (supervisor.interrupted) return 130;
    throw e;
  }
  return detach ? 0 : supervisor.untilStopped();
}

const OSDS_MAX = 64;
const shardsOf = (args: Parsed): number | undefined => args.integer('shards', 1, SHARDS_MAX);
const osdsOf = (args: Parsed): number | undefined => args.integer('osds', 1, OSDS_MAX);
const portOf = (args: Parsed): number | undefined =>
  args.integer('port', 1, 65535 - 10 - (osdsOf(args) ?? 3));

const publicHostOf = (args: Parsed): string | undefined =>
  args.string('host') ?? args.string('public-addr') ?? inNetwork(args.string('public-network'));
const clusterHostOf = (args: Parsed): string | undefined =>
  args.string('cluster-addr') ?? inNetwork(args.string('cluster-network'));

function inNetwork(networks: string | undefined): string | undefined {
  return networks === undefined ? undefined : addressIn(networks);
}

async function create(dir: ClusterDir, args: Parsed): Promise<ClusterFile> {
  const devices = devicesOf(args);
  const osds = osdsOf(args) ?? devices?.length ?? 3;
  const shards = shardsOf(args) ?? 1;
  if (devices) checkDevices(devices, osds, shards);
  const host = publicHostOf(args) ?? '127.0.0.1';
  const clusterHost = clusterHostOf(args);
  const given = portOf(args);
  if (given !== undefined) await refuseUsedPort(host, given, osds);
  const port = given ?? (await freeBasePort(host, osds, dir.path));
  if (devices && args.flag('wipe')) await wipeDevices(devices);
  const apart = clusterHost === undefined || clusterHost === host ? {} : { clusterHost };
  const made = { host, ...apart, port, osds, shards, nowMs: Date.now() };
  return dir.create(devices ? { ...made, osdDevices: devices } : made);
}

/** A cluster keeps its size and addresses: what the command line says must agree with what is there. */
async function reopen(dir: ClusterDir, found: ClusterFile, args: Parsed): Promise<ClusterFile> {
  const there = osdIds(found).length;
  const osds = osdsOf(args) ?? there;
  if (osds !== there) {
    throw new CephError('EINVAL', `${dir.path} holds a cluster of ${there} OSDs, not ${osds}`);
  }
  const held = found.shards ?? 1;
  const shards = shardsOf(args) ?? held;
  if (shards !== held) {
    const what = `${dir.path} holds a cluster whose OSDs have ${held} shard(s), not ${shards}`;
    throw new CephError('EINVAL', what);
  }
  const devices = devicesOf(args)?.join(',');
  if (devices !== undefined && devices !== found.osdDevices?.join(',')) {
    throw new CephError('EINVAL', `${dir.path} holds a cluster on other devices`);
  }
  const port = portOf(args) ?? found.port;
  if (port !== found.port) {
    throw new CephError('EINVAL', `${dir.path} holds a cluster at port ${found.port}, not ${port}`);
  }
  const clusterHost = clusterHostOf(args);
  const theirs = found.clusterHost ?? found.host;
  if (clusterHost !== undefined && clusterHost !== theirs) {
    const what = `${dir.path} holds a cluster whose OSDs speak at ${theirs}, not ${clusterHost}`;
    throw new CephError('EINVAL', what);
  }
  await refuseUsedPort(found.host, port, found.osds);
  dir.write(found);
  return found;
}

async function refuseUsedPort(host: string, port: number, osds: number): Promise<void> {
  const used = await portInUse(host, port, osds);
  if (used !== undefined) throw new CephError('EADDRINUSE', `port ${used} on ${host} is in use`);
}

/** A daemon that dies again sooner than this is not restarted for ever. */
const QUICK_DEATH_MS = 5_000;
const QUICK_DEATHS_MAX = 3;

/** Starts the daemons, and in the foreground watches over them. */
class Supervisor {
  interrupted = false;
  private readonly dir: ClusterDir;
  private readonly cluster: ClusterFile;
  private readonly detach: boolean;
  private readonly children: Child[] = [];
  private stopping = false;
  private failure: Error | undefined;
  private wake: () => void = () => {};
  private readonly deaths = new Map<string, number>();

  constructor(dir: ClusterDir, cluster: ClusterFile, detach: boolean) {
    this.dir = dir;
    this.cluster = cluster;
    this.detach = detach;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        this.interrupted = true;
        this.wake();
      });
    }
    process.on(ADOPT_SIGNAL, this.adopt);
  }

  async start(): Promise<void> {
    this.launch('mon.a');
    for (const id of osdIds(this.cluster)) this.launch(`osd.${id}`);
    const deadline = performance.now() + READY_MS;
    // The client's code loads while the daemons start, not before.
    const { waitHealthy } = await import('./health.ts');
    while (!this.children.every((c) => c.ready)) {
      await this.sleep(deadline, 'the daemons to start');
    }
    const ids = osdIds(this.cluster);
    await waitHealthy(this.dir, ids, (what) => this.sleep(deadline, what, 20));
  }

  /** Waits for an event or a moment; throws what ends the wait. */
  private async sleep(deadline: number, what: string, ms = 1000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((done) => {
      this.wake = done;
      timer = setTimeout(done, ms);
    });
    clearTimeout(timer); // left alone it would keep this process waiting for it
    if (this.interrupted) throw new CephError('EINTR', 'interrupted');
    if (this.failure) throw this.failure;
    if (performance.now() > deadline) {
      throw new CephError(
        'ETIMEDOUT',
        `waited ${READY_MS / 1000} s for ${what}; see ${this.dir.logs}`,
      );
    }
  }

  /** OSDs that were added or are to run again, as `sepiola osd` says by a signal. */
  private readonly adopt = (): void => {
    if (this.stopping) return;
    for (const id of osdIds(this.dir.read() ?? this.cluster)) {
      const name = `osd.${id}`;
      const isOurs = this.children.some((c) => c.name === name);
      if (!isOurs && !runningDaemon(this.dir, name)) this.launch(name, true);
    }
  };

  private launch(name: string, isLate = false): void {
    const process_ = launch(this.dir, name, this.detach);
    const child: Child = {
      name,
      process: process_,
      startedMs: performance.now(),
      isLate,
      ready: false,
    };
    this.forget(name);
    this.children.push(child);
    process_.on('message', () => {
      child.ready = true;
      this.wake();
    });
    process_.on('error', (e) => this.died(child, e.message, false));
    process_.on('exit', (code, signal) =>
      this.died(child, signal ?? `exit status ${code}`, code === 0),
    );
  }

  private forget(name: string): void {
    const at = this.children.findIndex((c) => c.name === name);
    if (at >= 0) this.children.splice(at, 1);
  }

  /** @param isAsked it ended because somebody asked it to */
  private died(child: Child, why: string, isAsked: boolean): void {
    if (this.stopping) return;
    const { name } = child;
    if (child.ready && isAsked) {
      this.forget(name);
      process.stderr.write(`${name} was stopped\n`);
      return;
    }
    if (!child.ready) {
      const what = `${name} did not start: ${lastWords(this.dir, name) || why}`;
      if (child.isLate) {
        this.forget(name);
        process.stderr.write(`${what}\n`);
        return;
      }
      this.failure = new CephError('EIO', what);
      this.wake();
      return;
    }
    const quick = performance.now() - child.startedMs < QUICK_DEATH_MS;
    const deaths = quick ? (this.deaths.get(name) ?? 0) + 1 : 1;
    this.deaths.set(name, deaths);
    if (deaths > QUICK_DEATHS_MAX) {
      this.failure = new CephError(
        'EIO',
        `${name} keeps dying (${why}); see ${this.dir.log(name)}`,
      );
      this.wake();
      return;
    }
    process.stderr.write(`${name} died (${why}); starting it again\n`);
    this.launch(name);
  }

  /** Lets the children live on without us. */
  async leave(): Promise<void> {
    this.stopping = true;
    for (const { process: child } of this.children) await letGo(child);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const alive = this.children.flatMap((c) =>
      c.process.pid !== undefined && c.process.exitCode === null && c.process.signalCode === null
        ? [{ name: c.name, pid: c.process.pid }]
        : [],
    );
    await stopDaemons(this.dir, alive);
  }

  /** @returns the exit status */
  async untilStopped(): Promise<number> {
    while (!this.interrupted && !this.failure) {
      await new Promise<void>((done) => {
        this.wake = done;
      });
    }
    process.stdout.write('\nstopping ...\n');
    await this.stop();
    if (this.failure) throw this.failure;
    process.stdout.write('stopped; the data is kept\n');
    return 0;
  }
}
