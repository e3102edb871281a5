/**
 * Clients change and read objects through several connections, each read compared with a model, while OSDs and the
 * monitor are killed with SIGKILL, stopped with SIGSTOP and started again at random. At the end every PG must become
 * clean, every object must be what its last answered request left (a request whose client was closed before the answer:
 * old or new), and the stores of all OSDs must hold the same. Run: npm run verify:thrash -- [--seconds N] [--osds N]
 * [--objects N] [--keep]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { connect, type Pool, type Rados } from '../../src/client/index.ts';
import { openNodeStore } from '../support/node-store.ts';
import { ClusterFolder, sepiola } from '../support/sepiola.ts';
import { type Content, difference, randomChange, readBack } from '../support/thrash-model.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '180' },
    osds: { type: 'string', default: '3' },
    objects: { type: 'string', default: '48' },
    keep: { type: 'boolean', default: false },
  },
});
const OSDS = Number(values.osds);
/** Longer than any outage here may last: a request that takes longer is stuck. */
const STUCK_MS = 120_000;
const CLIENTS = 4;
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const cluster = new ClusterFolder();
const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const below = (n: number): number => Math.floor(Math.random() * n);
const started = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} ${text}`);
const wrong: string[] = [];
let stopping = false;

/** The daemons as processes of ours, except those that `up` has started. */
class Daemons {
  private readonly children = new Map<string, ChildProcess>();
  private readonly paused = new Set<string>();
  private readonly down = new Set<string>();

  names(): string[] {
    return ['mon.a', ...Array.from({ length: OSDS }, (_, i) => `osd.${i}`)];
  }
  /** A daemon just started has not written its file yet. */
  private pidOf(name: string): number {
    return this.children.get(name)?.pid ?? cluster.pids().get(name)!;
  }
  isWell(name: string): boolean {
    return !this.down.has(name) && !this.paused.has(name);
  }

  kill(name: string): void {
    if (this.down.has(name)) return;
    process.kill(this.pidOf(name), 'SIGKILL');
    this.paused.delete(name);
    this.down.add(name);
  }
  start(name: string): void {
    if (!this.down.delete(name)) return;
    const [kind, id] = name.split('.') as [string, string];
    const log = openSync(join(cluster.dir, 'log', `${name}.log`), 'a');
    const words = kind === 'osd' ? ['osd', cluster.dir, id] : ['mon', cluster.dir];
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('exit', (code, signal) => {
      if (signal !== 'SIGKILL' && !stopping)
        wrong.push(`${name} ended by itself: ${code ?? signal}`);
    });
    this.children.set(name, child);
  }
  pause(name: string): void {
    if (!this.isWell(name)) return;
    process.kill(this.pidOf(name), 'SIGSTOP');
    this.paused.add(name);
  }
  wake(name: string): void {
    if (this.paused.delete(name)) process.kill(this.pidOf(name), 'SIGCONT');
  }
  wellAgain(): void {
    for (const name of this.names()) {
      this.wake(name);
      this.start(name);
    }
  }
}
const daemons = new Daemons();

/** Faults until the time is over. @returns how many of each kind */
async function thrash(untilMs: number): Promise<Map<string, number>> {
  const count = new Map<string, number>();
  const fault = (kind: string, names: readonly string[]): void => {
    count.set(kind, (count.get(kind) ?? 0) + names.length);
    say(`${kind} ${names.join(' ')}`);
    for (const name of names) kind === 'kill' ? daemons.kill(name) : daemons.pause(name);
  };
  const osd = (): string => `osd.${below(OSDS)}`;
  while (performance.now() < untilMs) {
    await wait(300 + below(3_000));
    const dice = below(20);
    let outage = 200 + below(4_000);
    if (dice < 9) fault('kill', [osd()]);
    else if (dice < 11) fault('kill', [...new Set([osd(), osd()])]);
    else if (dice < 12) fault('kill', daemons.names());
    else if (dice < 14) fault('kill', ['mon.a']);
    else if (dice < 18) fault('pause', [osd()]);
    else if (dice < 19) fault('pause', ['mon.a']);
    else {
      // Longer than the grace period: it is marked down, and wakes up believing itself alive.
      outage = 26_000 + below(6_000);
      fault('pause', [osd()]);
    }
    await wait(outage);
    daemons.wellAgain();
  }
  return count;
}

interface Tracked {
  readonly name: string;
  content: Content;
  /** Of a request whose client went away: it may or may not have been applied. */
  other: { content: Content } | undefined;
}

/** One object at a time is changed and read, each time through any of the connections. */
async function work(
  pools: readonly Pool[],
  objects: readonly Tracked[],
  tally: { changes: number; reads: number },
) {
  while (!stopping) {
    const object = objects[below(objects.length)]!;
    const pool = pools[below(pools.length)]!;
    const began = performance.now();
    const change = randomChange(object.content);
    let action = change.what;
    try {
      await within(change.send(pool, object.name));
      object.content = change.apply(object.content);
      tally.changes++;
      action = 'read';
      const got = await within(readBack(pools[below(pools.length)]!, object.name));
      tally.reads++;
      const d = difference(object.content, got);
      if (d) wrong.push(`${object.name} after ${change.what}: ${d}`);
    } catch (e) {
      wrong.push(
        `${action} of ${object.name} (${((performance.now() - began) / 1000).toFixed(1)} s): ${e}`,
      );
    }
    if (wrong.length > 0) stopping = true;
  }
}

function within<T>(p: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error('stuck')), STUCK_MS);
  });
  return Promise.race([p, late]).finally(() => clearTimeout(timer));
}

/** Clients that vanish in the middle of a request. */
async function abandon(tracked: Tracked[]): Promise<void> {
  for (let i = 0; !stopping; i++) {
    await wait(1_000 + below(4_000));
    let rados: Rados | undefined;
    try {
      rados = await connect({ conf: cluster.conf, timeoutMs: STUCK_MS });
      const pool = await rados.pool('thrash');
      const object: Tracked = { name: `abandoned.${i}`, content: undefined, other: undefined };
      for (let n = 0; n < 3; n++) {
        const change = randomChange(object.content);
        await within(change.send(pool, object.name));
        object.content = change.apply(object.content);
      }
      const last = randomChange(object.content);
      object.other = { content: last.apply(object.content) };
      last.send(pool, object.name).catch(() => {}); // its end is what nobody will know
      await wait(below(5));
      tracked.push(object);
    } catch (e) {
      if (!stopping) wrong.push(`a client that was to leave: ${e}`);
    } finally {
      await rados?.close();
    }
  }
}

async function verifyModel(pool: Pool, tracked: readonly Tracked[]): Promise<void> {
  for (const o of tracked) {
    const got = await within(readBack(pool, o.name));
    const d = difference(o.content, got);
    if (d && !(o.other && !difference(o.other.content, got)))
      wrong.push(`${o.name} at the end: ${d}`);
  }
  const known = new Map(tracked.map((o) => [o.name, 0]));
  for await (const { name } of pool.objects()) {
    if (known.has(name)) known.set(name, known.get(name)! + 1);
    else wrong.push(`${name} is listed and was never written`);
  }
  for (const o of tracked) {
    const may = o.other ? [!!o.content, !!o.other.content] : [!!o.content];
    if (!may.some((is) => Number(is) === known.get(o.name))) {
      wrong.push(`${o.name} is listed ${known.get(o.name)} times`);
    }
  }
}

async function untilClean(rados: Rados): Promise<void> {
  const began = performance.now();
  for (;;) {
    const { output } = await rados.command({ prefix: 'pg stat', format: 'json' });
    const states: { name: string; num: number }[] = JSON.parse(output.toString()).pg_summary
      .num_pg_by_state;
    if (states.length === 1 && states[0]!.name === 'active+clean') break;
    if (performance.now() - began > STUCK_MS)
      throw new Error(`not clean: ${JSON.stringify(states)}`);
    await wait(200);
  }
  say(`all PGs clean ${((performance.now() - began) / 1000).toFixed(1)} s after the last fault`);
}

/** Everything an OSD holds of the PGs, by PG and object. */
async function held(id: number): Promise<Map<string, unknown>> {
  const store = await openNodeStore(join(cluster.dir, `osd.${id}`));
  const out = new Map<string, unknown>();
  for (const c of store.collections().filter((c) => c !== 'meta')) {
    const pool = Number(c.split('.')[0]);
    const from = { key: '', name: '', snap: 0n, hash: 0, max: false, namespace: '', pool };
    for (const oid of store.list(c, from, 1_000_000).objects) {
      const { size } = store.stat(c, oid)!;
      out.set(`${c} ${oid.name}`, {
        data: Buffer.from(await store.read(c, oid, 0, size)),
        attrs: store.getattrs(c, oid),
        omap: store.omapList(c, oid, { limit: 1_000_000 }).entries,
      });
    }
  }
  await store.close();
  return out;
}

async function verifyStores(): Promise<number> {
  const first = await held(0);
  for (let id = 1; id < OSDS; id++) {
    const other = await held(id);
    for (const key of new Set([...first.keys(), ...other.keys()])) {
      if (!isDeepStrictEqual(first.get(key), other.get(key))) {
        wrong.push(`osd.0 and osd.${id} differ in ${key}`);
      }
    }
  }
  return first.size;
}

const clients: Rados[] = [];
try {
  const up = await sepiola('up', cluster.dir, '--detach', '--osds', String(OSDS));
  if (up.code !== 0) throw new Error(up.stderr);
  say(`cluster in ${cluster.dir}`);
  for (let i = 0; i < CLIENTS; i++) clients.push(await connect({ conf: cluster.conf }));
  await clients[0]!.createPool('thrash', { pgNum: 16, application: 'thrash' });
  await clients[0]!.command({
    prefix: 'osd pool set',
    pool: 'thrash',
    var: 'size',
    val: String(OSDS),
  });
  const pools = await Promise.all(clients.map((c) => c.pool('thrash')));
  const tracked: Tracked[] = Array.from({ length: Number(values.objects) }, (_, i) => ({
    name: `object.${i}`,
    content: undefined,
    other: undefined,
  }));
  const tally = { changes: 0, reads: 0 };
  // Each object belongs to one worker, so that its requests follow one another.
  const own = (w: number): Tracked[] => tracked.filter((_, i) => i % 8 === w);
  const workers = Array.from({ length: 8 }, (_, w) => work(pools, own(w), tally));
  const abandoned: Tracked[] = [];
  const leaving = abandon(abandoned);
  const seconds = Number(values.seconds);
  const count = await thrash(performance.now() + seconds * 1000);
  stopping = true;
  await Promise.all([...workers, leaving]);
  const faults = [...count].map(([kind, n]) => `${n} ${kind}`).join(', ');
  say(
    `${tally.changes} changes and ${tally.reads} reads answered; ${abandoned.length} clients left; faults: ${faults}`,
  );
  if (wrong.length === 0) {
    await untilClean(clients[0]!);
    await verifyModel(pools[0]!, [...tracked, ...abandoned]);
    for (const c of clients.splice(0)) await c.close();
    const down = await sepiola('down', cluster.dir);
    if (down.code !== 0) throw new Error(down.stderr);
    say(`stores compared: ${await verifyStores()} objects on each OSD`);
  }
} catch (e) {
  wrong.push(e instanceof Error ? (e.stack ?? e.message) : String(e));
} finally {
  stopping = true;
  for (const c of clients) await c.close();
  daemons.wellAgain();
  if (wrong.length === 0) say('nothing is wrong');
  else console.log(`${wrong.length} wrong:\n${wrong.slice(0, 20).join('\n')}`);
  if (values.keep && wrong.length > 0) {
    await sepiola('down', cluster.dir);
    say(`kept: ${cluster.dir}`);
  } else await cluster.clear();
}
process.exitCode = wrong.length > 0 ? 1 : 0;
