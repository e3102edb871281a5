import { CephError } from '../src/errors/index.ts';
import { type Pool, ReadOp } from '../src/rados/index.ts';
import type { AckLevel } from '../src/wire/index.ts';
import type { SimClient, SimCluster } from './cluster.ts';
import type { Done } from './linearizable.ts';
import { ABSENT_PRINT, printOfRead, readAll, type Step, writeOpOf } from './object-model.ts';
import type { Dice } from './random.ts';
import { answeredVersions } from './sabotage.ts';

/** Errnos that an object's state explains: the model says when. */
const EXPLAINED = new Set(['ENOENT', 'EEXIST', 'ECANCELED']);
/** A client that gives up, if it does. */
const PATIENCE_MS = [2000, 20_000];
const GIVE_UP_CHANCE = 0.03;
/** So long after a disk was full somebody may not have heard that it no longer is. */
const FULL_MS = 60_000;

interface Under {
  readonly name: string;
  readonly what: string;
  readonly sinceMs: number;
}

/** What clients do to a cluster, and everything they were told. */
export class Workload {
  /** By object. */
  readonly history = new Map<string, Done[]>();
  /** Requests that were refused although nothing explains it. */
  readonly refused: string[] = [];
  readonly underWay = new Map<number, Under>();
  /** Requests that were answered. */
  count = 0;
  /** See ClusterFlags. */
  pauseFor: (epoch: number) => object | undefined = () => undefined;
  /** Versions that clients were told of, by pool and object. */
  private readonly told = new Map<string, Set<bigint>>();
  private fullUntilMs = 0;
  private moment = 0;
  private request = 0;
  private isStopped = false;
  private readonly cluster: SimCluster;
  private readonly answered: (version: bigint) => bigint;
  private readonly clients: SimClient[] = [];
  /** Threads that do nothing, by number: what shrinking leaves out. */
  private readonly without: ReadonlySet<number>;

  constructor(cluster: SimCluster, without: ReadonlySet<number>) {
    this.cluster = cluster;
    this.without = without;
    this.answered = answeredVersions(cluster.lie);
    cluster.isTold = ({ pool, name }, version) =>
      this.told.get(`${pool}/${name}`)?.has(version) === true;
  }

  /** Connects the clients and sets their threads going. */
  async start(): Promise<void> {
    const { clients } = this.cluster.options;
    for (let c = 0; c < clients; c++) this.clients.push(await this.cluster.client());
    for (let c = 0; c < clients; c++) this.begin(c);
  }

  private begin(c: number): void {
    const { threads } = this.cluster.options;
    for (let t = 0; t < threads; t++) {
      const number = c * threads + t;
      if (!this.without.has(number)) void this.thread(this.clients[c]!, number);
    }
  }

  /** A client's process dies, and another takes its place. Nobody learns what became of its requests. */
  async replaceClient(c: number): Promise<void> {
    this.cluster.killClient(this.clients[c]!);
    for (const [n, u] of this.underWay) {
      if (u.name === this.clients[c]!.name) this.underWay.delete(n);
    }
    this.clients[c] = await this.cluster.client();
    if (!this.isStopped) this.begin(c);
  }

  get clientCount(): number {
    return this.clients.length;
  }
  /** Epochs of the maps that the clients have, by name. */
  epochs(): [string, number][] {
    return this.clients.map((c) => [c.name, c.rados.epoch]);
  }

  /** A disk is full, or was a moment ago: requests may be refused for that. */
  expectFull(): void {
    this.fullUntilMs = this.cluster.timeline.now + FULL_MS;
  }

  stop(): void {
    this.isStopped = true;
  }

  private async thread(client: SimClient, number: number): Promise<void> {
    const { cluster } = this;
    const { options, timeline } = cluster;
    const dice = cluster.dice(`thread ${number} of ${client.name}`);
    const pools: Pool[] = [];
    for (const { name } of options.pools) pools.push(await client.rados.pool(name));
    for (let n = 0; !this.isStopped && client.process.isAlive; n++) {
      const generation = Math.floor(timeline.now / options.generationMs);
      const pool = dice.pick(pools);
      const name = `g${generation}o${dice.below(options.objects)}`;
      const token = `<${number}.${n}>`;
      if (dice.chance(0.45)) await this.read(client, pool, name);
      else {
        const steps = drawSteps(dice, token, options.bytesMax);
        const ack = dice.chance(options.otherAcks)
          ? dice.pick(['memory', 'disk'] as const)
          : 'journal';
        const timeoutMs = dice.chance(GIVE_UP_CHANCE) ? dice.pick(PATIENCE_MS) : undefined;
        await this.write(client, pool, name, steps, ack, timeoutMs);
      }
      // Sometimes a thread is busy, sometimes it pauses.
      const think = dice.chance(0.3) ? 0 : dice.unit() * options.thinkMs;
      await new Promise<void>((go) => client.process.clock.setTimer(think, go));
    }
  }

  /** Reads an object as a whole. */
  async read(client: SimClient, pool: Pool, name: string): Promise<void> {
    await this.perform(client, pool, name, undefined, 'journal', async () => {
      const op = readAll(new ReadOp());
      const [data, attrs, page] = await pool.object(name).read(op);
      return { result: printOfRead(data, attrs, page.entries), version: this.answered(op.version) };
    });
  }

  private async write(
    client: SimClient,
    pool: Pool,
    name: string,
    steps: readonly Step[],
    ack: AckLevel,
    timeoutMs: number | undefined,
  ): Promise<void> {
    await this.perform(client, pool, name, steps, ack, async () => {
      const { version } = await pool.object(name).write(writeOpOf(steps), { ack, timeoutMs });
      return { result: 'ok', version };
    });
  }

  private async perform(
    client: SimClient,
    pool: Pool,
    name: string,
    steps: readonly Step[] | undefined,
    ack: AckLevel,
    act: () => Promise<{ result: string; version: bigint | undefined }>,
  ): Promise<void> {
    const { cluster } = this;
    const n = this.request++;
    const object = `${pool.name}/${name}`;
    const what = steps ? steps.map((s) => s.do).join('+') : 'read';
    this.underWay.set(n, {
      name: client.name,
      what: `${what} ${object}`,
      sinceMs: cluster.timeline.now,
    });
    const calledAt = ++this.moment;
    // Until it is answered anything may have become of it.
    const list = this.history.get(object) ?? [];
    this.history.set(object, list);
    const who = `${client.name} ${cluster.timeline.now.toFixed(1)} ${what}`;
    const open: Done = {
      who,
      calledAt,
      returnedAt: Number.POSITIVE_INFINITY,
      steps,
      result: '?',
      version: undefined,
    };
    if (steps) list.push(open);
    const pause = this.pauseFor(client.rados.epoch);
    let result: string;
    let version: bigint | undefined;
    try {
      ({ result, version } = await act());
    } catch (e) {
      const errno = e instanceof CephError ? e.code : undefined;
      if (errno === undefined) throw e;
      result = errno;
    }
    this.underWay.delete(n);
    this.count++;
    cluster.note(`${client.name} ${what} ${object}: ${result} ${version ?? ''}`);
    if (result === 'ETIMEDOUT') return;
    if (pause && this.pauseFor(client.rados.epoch) === pause) {
      this.refused.push(`${who} of ${object}: answered although all are paused`);
    }
    if (!steps && result === 'ENOENT') result = ABSENT_PRINT;
    if (result === 'ENOSPC' && cluster.timeline.now < this.fullUntilMs) {
      if (steps) list.splice(list.indexOf(open), 1);
      return;
    }
    if (isErrno(result) && !EXPLAINED.has(result)) {
      this.refused.push(`${who} of ${object}: ${result}`);
      return;
    }
    // A crash may take back what was answered from memory: it may have happened, no more.
    if (ack === 'memory') return;
    const done: Done = { ...open, returnedAt: ++this.moment, result, version };
    if (version !== undefined && version > 0n) this.tell(pool, name, version);
    if (steps) list[list.indexOf(open)] = done;
    else list.push(done);
  }

  /** Writes something to each PG of each pool. */
  async touchEveryPg(client: SimClient): Promise<void> {
    for (const { name: poolName } of this.cluster.options.pools) {
      const pool = await client.rados.pool(poolName);
      const { osdmap } = this.cluster.monitor!.state();
      const left = new Set([...osdmap.pgs()].filter((p) => p.pool === pool.id).map((p) => p.seed));
      for (let i = 0; left.size > 0; i++) {
        const name = `last ${i}`;
        if (!left.delete(osdmap.locate(pool.id, name)!.pgid.seed)) continue;
        const steps: Step[] = [{ do: 'append', data: Buffer.from('.') }];
        await this.write(client, pool, name, steps, 'journal', undefined);
      }
    }
  }

  private tell(pool: Pool, name: string, version: bigint): void {
    const key = `${pool.id}/${name}`;
    const versions = this.told.get(key);
    if (versions) versions.add(version);
    else this.told.set(key, new Set([version]));
  }
}

function isErrno(result: string): boolean {
  return /^E[A-Z0-9]+$/.test(result);
}

/** One request, with bytes that no other one writes. */
function drawSteps(dice: Dice, token: string, bytesMax: number): Step[] {
  const size = dice.chance(0.7) ? token.length : Math.max(1, dice.below(bytesMax));
  const data = Buffer.alloc(size, token);
  const key = `k${dice.below(4)}`;
  const set = { do: 'setXattr', key, value: token } as const;
  const put = { do: 'setOmap', key, value: token } as const;
  switch (
    dice.weighted({
      writeFull: 18,
      append: 30,
      write: 8,
      truncate: 3,
      zero: 3,
      remove: 10,
      create: 4,
      setXattr: 5,
      setOmap: 8,
      rmOmap: 3,
      clearOmap: 1,
      guarded: 3,
      several: 8,
    })
  ) {
    case 'writeFull':
      return [{ do: 'writeFull', data }];
    case 'append':
      return [{ do: 'append', data }];
    case 'write':
      return [{ do: 'write', data, offset: dice.below(bytesMax) }];
    case 'truncate':
      return [{ do: 'truncate', size: dice.below(bytesMax) }];
    case 'zero':
      return [{ do: 'zero', offset: dice.below(bytesMax), length: 1 + dice.below(bytesMax) }];
    case 'remove':
      return [{ do: 'remove' }];
    case 'create':
      return [{ do: 'create' }, set];
    case 'setXattr':
      return [set];
    case 'setOmap':
      return [put];
    case 'rmOmap':
      return [{ do: 'rmOmap', key }];
    case 'clearOmap':
      return [{ do: 'clearOmap' }];
    case 'guarded':
      return [{ do: 'compareXattr', key, value: '' }, { do: 'append', data }, set];
    case 'several':
      return [{ do: 'append', data }, put, set];
  }
}
