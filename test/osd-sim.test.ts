import { describe, expect, it } from 'vitest';
import type { OpAnswer } from '../src/osd/requests/client-request.ts';
import { type AckLevel, compareEVersion } from '../src/wire/index.ts';
import { contentsOf, perform, type Seen, type SimOptions, SimWorld } from './support/osd-sim.ts';

/** Writes that crashes took back, over all runs. */
let takenBack = 0;
const LEVELS: readonly AckLevel[] = ['memory', 'journal', 'disk'];

/** Faults of one run; all of them end before the run does. */
interface Faults {
  readonly crash: boolean;
  readonly cut: boolean;
  readonly reset: boolean;
  readonly wipe?: boolean;
  /** Many short faults and busy clients instead of few long ones. */
  readonly storm?: boolean;
  /** Clients ask for acknowledgements of all levels. */
  readonly levels?: boolean;
  /** The primary loses everybody but its clients, until others have taken over. */
  readonly isolate?: boolean;
}

async function run(seed: number, faults: Faults, options: Partial<SimOptions> = {}): Promise<void> {
  const world = new SimWorld(seed, options);
  await world.begin();
  const seen: Seen = { acked: new Map(), sent: new Map(), reads: [], stale: [], answered: [] };
  let open = 0;
  let stopping = false;
  const client = (id: number, tid: number): void => {
    if (stopping) return;
    const name = `o${world.random(world.options.objects)}`;
    const token = world.random(3) > 0 ? `<${id}.${tid}>` : undefined;
    if (token) seen.sent.set(name, [...(seen.sent.get(name) ?? []), token]);
    open++;
    const answered = [...(seen.acked.get(name) ?? [])];
    const ack = faults.levels && token ? LEVELS[world.random(3)]! : 'journal';
    const done = (a: OpAnswer): void => {
      open--;
      if (token) {
        expect(a.result).toBe(0);
        seen.answered.push({ name, token, version: a.version, ack });
        if (ack !== 'memory') seen.acked.set(name, [...(seen.acked.get(name) ?? []), token]);
      } else {
        const bytes = a.outcome?.outputs[0];
        // What was answered before the read began must be in it.
        const text = Buffer.from(bytes ?? []).toString();
        for (const t of answered) {
          if (!text.includes(t)) seen.stale.push(`${name} of client ${id} lacks ${t}`);
        }
        if (a.result === 0) seen.reads.push({ name, content: Buffer.from(bytes ?? []).toString() });
      }
      world.time.after(world.random(40), () => client(id, tid + 1));
    };
    perform(world, id, tid, name, token, done, ack);
  };
  for (let id = 1; id <= (faults.storm || faults.levels ? 8 : 3); id++) client(id, 1);
  const { osds } = world.options;
  for (let round = 0; round < (faults.storm ? 80 : faults.levels ? 12 : 25); round++) {
    await world.time.until(faults.storm ? 5 + world.random(90) : 20 + world.random(250));
    if (faults.levels) {
      // Time to write in, and then the power fails, for all of them or for some.
      await world.time.until(world.random(1500));
      const isAll = world.random(3) > 0;
      for (let i = 0; i < osds; i++) if (isAll || world.random(2)) world.crash(i);
      for (let i = 0; i < osds; i++) await world.restart(i);
      continue;
    }
    if (faults.isolate) {
      await world.isolatePrimary();
      continue;
    }
    const osd = world.random(osds);
    const other = (osd + 1 + world.random(osds - 1)) % osds;
    switch (world.random(7)) {
      case 0:
        if (faults.crash) world.crash(osd);
        break;
      case 1:
        if (faults.crash && world.random(4) === 0) for (let i = 0; i < osds; i++) world.crash(i);
        break;
      case 2:
        if (faults.cut) world.cut(world.random(2) ? 'mon' : other, osd);
        break;
      case 3:
        world.heal();
        break;
      case 4:
        for (let i = 0; i < osds; i++) if (world.random(2)) await world.restart(i);
        break;
      case 5:
        // One disk at a time, and only while the others have everything.
        if (
          faults.wipe &&
          world.nodes.every((n) => n.isAlive) &&
          world.nodes[world.view.primary]?.pg?.isClean
        ) {
          world.crash(osd);
          world.nodes[osd]!.wipe();
        }
        break;
      default:
        if (faults.reset) world.reset(osd, other);
    }
  }
  world.heal();
  for (let i = 0; i < osds; i++) await world.restart(i);
  stopping = true;
  const primary = () => world.nodes[world.view.primary]?.pg;
  for (let i = 0; i < 200 && (open > 0 || !primary()?.isClean); i++) await world.time.until(100);
  const story = (): string => world.lines.slice(-60).join('\n');
  for (const node of world.nodes) expect(node.fatal, story()).toBeUndefined();
  expect(primary()?.peering.phase.name, story()).toBe('active');
  expect(primary()?.isClean, story()).toBe(true);
  expect(open, story()).toBe(0);
  expect(seen.stale, story()).toEqual([]);
  await world.time.until(500);
  // Each request that an OSD took was answered, or dropped for the client to send it elsewhere.
  expect(world.taken.size, story()).toBe(0);

  const acting = world.view.acting.map((osd) => world.nodes[osd]!);
  const final = await contentsOf(acting[0]!);
  for (const node of acting) expect(await contentsOf(node), story()).toEqual(final);
  const text = (name: string): string => (final.get(name) ?? '').split('|')[0]!;
  // A log of a few entries forgets requests before their resend comes.
  const timesMax = world.options.logKeep >= 10 ? 1 : 9;
  for (const [name, tokens] of seen.acked) {
    for (const t of tokens) {
      const times = text(name).split(t).length - 1;
      expect(times, `${t} in ${name}: ${story()}`).toBeGreaterThanOrEqual(1);
      expect(times, `${t} in ${name}: ${story()}`).toBeLessThanOrEqual(timesMax);
    }
  }
  // What a crash took back of what was answered from memory took all that came after it in its interval with it.
  const isThere = (a: Seen['answered'][number]): boolean => text(a.name).includes(a.token);
  const taken = seen.answered.filter((a) => !isThere(a));
  takenBack += taken.length;
  for (const gone of taken) {
    expect(gone.ack).toBe('memory');
    const later = seen.answered.filter(
      (a) => a.version.epoch === gone.version.epoch && compareEVersion(a.version, gone.version) > 0,
    );
    expect(later.filter(isThere), `${gone.token}: ${story()}`).toEqual([]);
  }
  // Nothing that was never sent, and nothing twice.
  for (const [name] of final) {
    const tokens = text(name).match(/<[\d.]+>/g) ?? [];
    if (timesMax === 1) expect(new Set(tokens).size).toBe(tokens.length);
    for (const t of tokens) expect(seen.sent.get(name)).toContain(t);
  }
  // What somebody has read is never taken back.
  for (const read of seen.reads) {
    expect(text(read.name).startsWith(read.content), `${JSON.stringify(read)} ${story()}`).toBe(
      true,
    );
  }
}

describe('one PG among failing OSDs', () => {
  const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
  const offset = Number(process.env.OSD_SIM_SEED ?? 0);

  it.each(seeds)(
    'takes back nothing but the end of what was answered from memory, seed %i',
    (seed) =>
      run(
        1300 + seed + offset,
        { crash: true, cut: false, reset: seed % 3 === 0, storm: true, levels: true },
        { commitMs: 600, objects: 30, logKeep: 200, logMax: 300 },
      ),
  );
  it('has taken some back', () => expect(takenBack).toBeGreaterThan(0));
  it.each(seeds)('serves in peace, seed %i', (seed) =>
    run(seed + offset, { crash: false, cut: false, reset: false }),
  );
  it.each(seeds)('loses and repeats nothing when OSDs crash, seed %i', (seed) =>
    run(100 + seed + offset, { crash: true, cut: false, reset: false }),
  );
  it.each(seeds)('loses and repeats nothing when the network is cut, seed %i', (seed) =>
    run(200 + seed + offset, { crash: true, cut: true, reset: false }),
  );
  it.each(seeds)('survives sessions that forget, seed %i', (seed) =>
    run(300 + seed + offset, { crash: true, cut: true, reset: true }),
  );
  it.each(seeds)('keeps to size 2 of 4 OSDs with members that come and go, seed %i', (seed) =>
    run(
      400 + seed + offset,
      { crash: true, cut: false, reset: false },
      { osds: 4, size: 2, minSize: 1 },
    ),
  );
  it.each(seeds)('loses and repeats nothing in a storm of short faults, seed %i', (seed) =>
    run(
      700 + seed + offset,
      { crash: true, cut: false, reset: false, storm: true },
      { objects: 1, size: 2 + (seed % 2), minSize: 1 + (seed % 2), logKeep: 200, logMax: 300 },
    ),
  );
  it.each(seeds)('forgets no request when reads wait for the device, seed %i', (seed) =>
    run(800 + seed + offset, { crash: true, cut: true, reset: true }, { readMs: 60 }),
  );
  it.each(seeds)('believes only what is durable when commits are slow, seed %i', (seed) =>
    run(
      900 + seed + offset,
      { crash: true, cut: false, reset: false, storm: true },
      { commitMs: 400, objects: 2, logKeep: 200, logMax: 300 },
    ),
  );
  it.each(seeds)('reads nothing old from a primary that was cut off, seed %i', (seed) =>
    run(
      1000 + seed + offset,
      { crash: false, cut: false, reset: false, isolate: true },
      { objects: 2, logKeep: 200, logMax: 300 },
    ),
  );
  it.each(seeds)('survives replaced disks, seed %i', (seed) =>
    run(600 + seed + offset, { crash: true, cut: false, reset: false, wipe: true }),
  );
  it.each(seeds)('resyncs whole members when logs are short, seed %i', (seed) =>
    run(
      500 + seed + offset,
      { crash: true, cut: false, reset: true },
      { osds: 5, size: 3, minSize: 2, logKeep: 2, logMax: 4, objects: 12 },
    ),
  );
});
