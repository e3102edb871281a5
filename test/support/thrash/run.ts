import { connect, type Rados } from '../../../src/client/index.ts';
import { runTool } from '../differential.ts';
import { ClusterFolder, sepiola } from '../sepiola.ts';
import type { Dice } from './dice.ts';

/** Longer than any outage here may last: a request that takes longer is stuck. */
export const STUCK_MS = 180_000;

export { pause as wait } from '../until.ts';

/** Fails when it takes longer than anything may. */
export function within<T>(p: Promise<T>, ms = STUCK_MS): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error('stuck')), ms);
  });
  return Promise.race([p, late]).finally(() => clearTimeout(timer));
}

/** What all parts of a run share: the cluster, what was found wrong, and what was done. */
export class Run {
  readonly cluster = new ClusterFolder();
  readonly wrong: string[] = [];
  readonly dice: Dice;
  /** Load and faults end; what is under way is finished. */
  isOver = false;
  private readonly startedMs = performance.now();
  private readonly counts = new Map<string, number>();
  private readonly clients: Rados[] = [];

  constructor(dice: Dice) {
    this.dice = dice;
  }

  say(text: string): void {
    const seconds = (performance.now() - this.startedMs) / 1000;
    console.log(`${seconds.toFixed(1).padStart(6)} ${text}`);
  }
  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }
  get summary(): string {
    return [...this.counts].map(([what, n]) => `${n} ${what}`).join(', ');
  }
  /** The first thing that is wrong ends the load. */
  fail(what: string): void {
    this.wrong.push(what);
    this.isOver = true;
  }

  async client(): Promise<Rados> {
    const rados = await connect({ conf: this.cluster.conf, timeoutMs: STUCK_MS });
    this.clients.push(rados);
    return rados;
  }
  async closeClients(): Promise<void> {
    for (const c of this.clients.splice(0)) await c.close();
  }

  /** A command of `ceph`, through our client. */
  async command(words: Parameters<Rados['command']>[0]): Promise<string> {
    const rados = this.clients[0] ?? (await this.client());
    const { output } = await within(rados.command(words));
    return output.toString();
  }
  async json<T>(words: Parameters<Rados['command']>[0]): Promise<T> {
    return JSON.parse(await this.command({ ...words, format: 'json' })) as T;
  }

  /** One of Debian's tools. */
  tool(...words: string[]): ReturnType<typeof runTool> {
    return runTool(this.cluster.conf, words, { timeoutMs: STUCK_MS });
  }
  /** The `sepiola` command. @throws Error when it fails */
  async sepiola(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await sepiola(...words);
    if (code !== 0) throw new Error(`sepiola ${words.join(' ')}: ${code} ${stderr}${stdout}`);
    return stdout;
  }
}
