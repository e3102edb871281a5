import { sepiola } from '../sepiola.ts';
import { allClean, pgsClean } from './clean.ts';
import type { Daemons } from './daemons.ts';
import { type Run, wait } from './run.ts';

const OSDS_MAX = 6;
/** Longer than the grace period: who wakes up after it believes itself alive, and is not. */
const LONG_MS = 26_000;
/** Faults that need whole copies wait for them so long. */
const CLEAN_MS = 40_000;
const PG_NUMS = [8, 16, 24, 32];
/** What the cluster is told not to do for a while. */
const FLAGS = [
  'nobackfill',
  'nodown',
  'nodeep-scrub',
  'noin',
  'noout',
  'norebalance',
  'norecover',
  'noscrub',
  'noup',
  'pause',
];

interface OsdDump {
  osds: { osd: number; up: number; in: number; weight: number }[];
}

/** Everything that happens to the cluster on purpose, by chance. */
export class Faults {
  private readonly run: Run;
  private readonly daemons: Daemons;
  /** OSDs that there must be for the pools' copies. */
  private readonly least: number;
  private readonly scratch: string[] = [];
  private made = 0;

  constructor(run: Run, daemons: Daemons, least: number) {
    this.run = run;
    this.daemons = daemons;
    this.least = least;
  }

  async thrash(untilMs: number): Promise<void> {
    const { below } = this.run.dice;
    while (performance.now() < untilMs && !this.run.isOver) {
      await wait(300 + below(2_000));
      await this.next();
      this.daemons.wellAgain();
      this.daemons.check();
    }
  }

  private async ids(): Promise<number[]> {
    const { osds } = await this.run.json<OsdDump>({ prefix: 'osd dump' });
    return osds.map((o) => o.osd);
  }

  private async next(): Promise<void> {
    const { dice } = this.run;
    const { below } = dice;
    const ids = await this.ids();
    const osd = (): string => `osd.${dice.pick(ids)}`;
    const outage = (): number => 200 + below(4_000);
    const dies = [
      { weight: 9, go: () => this.outage('kill', [osd()], outage()) },
      { weight: 2, go: () => this.outage('kill', [...new Set([osd(), osd()])], outage()) },
      {
        weight: 1,
        go: () => this.outage('kill', ['mon.a', ...ids.map((i) => `osd.${i}`)], outage()),
      },
      { weight: 2, go: () => this.outage('kill', ['mon.a'], outage()) },
      { weight: 4, go: () => this.outage('pause', [osd()], outage()) },
      { weight: 1, go: () => this.outage('pause', ['mon.a'], outage()) },
      { weight: 1, go: () => this.outage('pause', [osd()], LONG_MS + below(6_000)) },
      { weight: 3, go: () => this.out(ids) },
      { weight: 3, go: () => this.reweight(dice.pick(ids)) },
      { weight: 2, go: () => this.add(ids) },
      { weight: 2, go: () => this.remove(ids) },
      { weight: 1, go: () => this.replace(dice.pick(ids)) },
      { weight: 2, go: () => this.pools() },
      { weight: 2, go: () => this.pgNum() },
      { weight: 2, go: () => this.scrub() },
      { weight: 1, go: () => this.balance() },
      { weight: 1, go: () => this.markedDown(dice.pick(ids)) },
      { weight: 2, go: () => this.flag(dice.pick(FLAGS), osd(), 1_000 + below(5_000)) },
    ];
    let roll = below(dies.reduce((sum, d) => sum + d.weight, 0));
    for (const die of dies) {
      roll -= die.weight;
      if (roll < 0) return die.go();
    }
  }

  private done(kind: string, what: string): void {
    this.run.count(kind);
    this.run.say(`${kind} ${what}`);
  }

  private async outage(kind: 'kill' | 'pause', names: string[], ms: number): Promise<void> {
    for (const name of names) {
      if (kind === 'kill') this.daemons.kill(name);
      else this.daemons.pause(name);
    }
    this.done(kind, names.join(' '));
    await wait(ms);
  }

  /** Takes data off an OSD, or gives it back. */
  private async out(ids: number[]): Promise<void> {
    const { osds } = await this.run.json<OsdDump>({ prefix: 'osd dump' });
    const out = osds.filter((o) => o.in === 0).map((o) => o.osd);
    const isOut = out.length > 0 || ids.length <= this.least;
    const id = this.run.dice.pick(isOut && out.length > 0 ? out : ids);
    const prefix = isOut ? 'osd in' : 'osd out';
    await this.run.command({ prefix, ids: [String(id)] });
    this.done(prefix, String(id));
  }

  private async reweight(id: number): Promise<void> {
    const { below } = this.run.dice;
    if (below(3) === 0) {
      await this.run.command({ prefix: 'osd primary-affinity', id, weight: below(11) / 10 });
      return this.done('primary-affinity', String(id));
    }
    const weight = 0.5 + below(6) / 10;
    await this.run.command({ prefix: 'osd reweight', id, weight });
    this.done('reweight', `${id} ${weight}`);
  }

  private async markedDown(id: number): Promise<void> {
    await this.run.command({ prefix: 'osd down', ids: [String(id)] });
    this.done('osd down', String(id));
  }

  /** An OSD dies and comes back while the cluster is not to do something. */
  private async flag(key: string, osd: string, ms: number): Promise<void> {
    await this.run.command({ prefix: 'osd set', key });
    this.done('flag', key);
    try {
      await this.outage('kill', [osd], ms);
      this.daemons.wellAgain();
      await wait(ms / 2);
    } finally {
      await this.run.command({ prefix: 'osd unset', key });
    }
  }

  private async add(ids: number[]): Promise<void> {
    if (ids.length >= OSDS_MAX) return;
    const said = await this.run.sepiola('osd', 'add', this.run.cluster.dir);
    this.done('osd add', said.trim());
  }

  private async remove(ids: number[]): Promise<void> {
    if (ids.length <= this.least) return;
    const id = this.run.dice.pick(ids);
    const { dir } = this.run.cluster;
    const { code, stderr, stdout } = await sepiola('osd', 'rm', dir, String(id), '--timeout', '60');
    // What is not whole without it within a minute stays.
    if (code === 110) return this.done('osd rm given up', stderr.trim());
    if (code !== 0) throw new Error(`osd rm ${id}: ${code} ${stderr}`);
    this.done('osd rm', stdout.trim());
  }

  /** An empty disk in the place of a full one: only when there are other copies of all. */
  private async replace(id: number): Promise<void> {
    if (!(await allClean(this.run, CLEAN_MS))) return this.done('replace given up', String(id));
    const said = await this.run.sepiola('osd', 'replace', this.run.cluster.dir, String(id));
    this.done('osd replace', said.trim());
  }

  private async pools(): Promise<void> {
    const { dice } = this.run;
    if (this.scratch.length > 2 || (this.scratch.length > 0 && dice.below(2) === 0)) {
      const pool = this.scratch.splice(dice.below(this.scratch.length), 1)[0]!;
      await this.run.command({
        prefix: 'osd pool delete',
        pool,
        pool2: pool,
        yes_i_really_really_mean_it: true,
      });
      return this.done('pool delete', pool);
    }
    const pool = `scratch.${this.made++}`;
    const pg_num = dice.pick([1, 4, 8]);
    await this.run.command({ prefix: 'osd pool create', pool, pg_num });
    this.scratch.push(pool);
    const client = await this.run.client();
    const io = await client.pool(pool);
    // Whoever deletes the pool meanwhile is welcome.
    for (let i = 0; i < 10; i++) {
      io.object(`o${i}`)
        .writeFull(dice.bytes(1 + dice.below(20_000)))
        .catch(() => {});
    }
    this.done('pool create', pool);
  }

  private async pgNum(): Promise<void> {
    const val = String(this.run.dice.pick(PG_NUMS));
    for (const name of ['pg_num', 'pgp_num']) {
      await this.attempt('pg_num', `thrash ${name} ${val}`, {
        prefix: 'osd pool set',
        pool: 'thrash',
        var: name,
        val,
      });
    }
  }

  private async scrub(): Promise<void> {
    const { dice } = this.run;
    const pgs = await pgsClean(this.run);
    const pgid = dice.pick(pgs.all).pgid;
    const prefix = dice.pick(['pg scrub', 'pg deep-scrub', 'pg repair']);
    await this.attempt(prefix, pgid, { prefix, pgid });
  }

  private async balance(): Promise<void> {
    const prefix = this.run.dice.pick(['osd reweight-by-utilization', 'osd reweight-by-pg']);
    await this.attempt(prefix, '', { prefix, oload: 101 });
  }

  /** Something that the cluster may have a reason to refuse. */
  private async attempt(
    kind: string,
    what: string,
    words: Parameters<Run['command']>[0],
  ): Promise<void> {
    try {
      await this.run.command(words);
      this.done(kind, what);
    } catch (e) {
      this.done(`${kind} refused`, `${what}: ${(e as Error).message}`);
    }
  }
}
