import type { FaultTarget, OsdName } from '../src/cluster/index.ts';
import { CLUSTER_FLAGS, type ClusterFlag } from './cluster-flags.ts';
import { BOTCHES, type Botch } from './crush-botches.ts';
import type { SimOptions } from './options.ts';
import { Dice } from './random.ts';

/**
 * What goes wrong in a run, in the words of `Faults` in src/cluster, with its own end: so that any of them can be left
 * out. `forMs`: virtual milliseconds until it is over.
 */
export type Fault =
  /** A daemon dies and comes back; `byPower` with its machine, of which nobody hears a word. */
  | { kind: 'kill'; daemon: OsdName | 'mon.a'; byPower: boolean; forMs: number }
  /** Several at once, as in a power cut. */
  | { kind: 'killAll'; daemons: (OsdName | 'mon.a')[]; forMs: number }
  /** Stopped and continued, as by SIGSTOP and SIGCONT. */
  | { kind: 'pause'; daemon: OsdName | 'mon.a'; forMs: number }
  | { kind: 'partition'; from: FaultTarget[]; to: FaultTarget[]; oneWay: boolean; forMs: number }
  | { kind: 'slowLink'; from: FaultTarget; to: FaultTarget; ms: number; forMs: number }
  | { kind: 'breakLinks'; from: FaultTarget; to: FaultTarget }
  | { kind: 'slowDisk'; osd: OsdName; ms: number; forMs: number }
  /** An OSD dies and comes back with an empty disk; only while all others hold everything. */
  | { kind: 'replaceDisk'; osd: OsdName; forMs: number }
  | { kind: 'killClient'; client: number }
  /** The monitor is told to take it for dead although it lives. */
  | { kind: 'markDown'; osd: OsdName }
  | { kind: 'out'; osd: OsdName; forMs: number }
  | { kind: 'reweight'; osd: OsdName; weight: number; forMs: number }
  | { kind: 'crushReweight'; osd: OsdName; weight: number; forMs: number }
  /** A PG is moved by hand from one of its OSDs to another. */
  | { kind: 'upmap'; pool: number; pg: number; position: number; to: number; forMs: number }
  /** Maps in a quick row, each of which moves data, and all of which are taken back. */
  | { kind: 'mapStorm'; osds: OsdName[]; maps: number; everyMs: number }
  /** A pool gets more or fewer PGs, whose objects then part or come together. */
  | { kind: 'pgNum'; pool: number; pgNum: number }
  /** A disk takes no more data for a while. */
  | { kind: 'fill'; osd: OsdName; forMs: number }
  /** A bit of an object's copy turns over; only while all copies are there and none is damaged. */
  | { kind: 'flipBit'; osd: OsdName; pick: number }
  /** An OSD dies again and again, soon after it has come back. */
  | { kind: 'flap'; osd: OsdName; times: number; everyMs: number }
  /** The primary of a PG loses everybody but the clients. */
  | { kind: 'isolatePrimary'; pool: number; pg: number; forMs: number }
  /** Flags of the cluster, taken back later. */
  | { kind: 'flags'; flags: ClusterFlag[]; forMs: number }
  /** Somebody botches the CRUSH map, again and again, and takes it back each time. */
  | {
      kind: 'botchCrush';
      how: Botch;
      pool: number;
      osds: OsdName[];
      forMs: number;
      times: number;
    }
  /** One thread of an OSD with shards gets no time of the processor. */
  | { kind: 'stallShard'; osd: OsdName; shard: number; forMs: number }
  /** A new machine with an empty OSD, under the lowest id that is free. */
  | { kind: 'expand' }
  /** An OSD is emptied, stopped and purged; `isPolite`: it says goodbye. It stays if that takes too long. */
  | { kind: 'drain'; osd: OsdName; isPolite: boolean }
  /** A machine is gone for good, and its OSD declared lost and purged; only while all others hold everything. */
  | { kind: 'lose'; osd: OsdName; afterMs: number }
  /** A machine is gone for good, and a new one takes the id of its OSD, which is destroyed; only then, too. */
  | { kind: 'renew'; osd: OsdName; afterMs: number };

type FaultKind = Fault['kind'];

export interface PlannedFault {
  /** Among those of its seed. */
  readonly number: number;
  readonly at: number;
  readonly fault: Fault;
}

/** New OSDs of a run at most. */
const EXPANSIONS_MAX = 2;

/** The faults of a run, in order of time; all are over before it ends. */
export function drawFaults(seed: number, options: SimOptions, durationMs: number): PlannedFault[] {
  const dice = new Dice(seed, 'faults');
  // A seed has its own character: some kinds often, some never.
  const character = (base: number): number => base * dice.pick([0, 0.3, 1, 1, 3]);
  const weights: Record<FaultKind, number> = {
    kill: character(10),
    killAll: character(2),
    pause: character(3),
    partition: character(6),
    slowLink: character(3),
    breakLinks: character(4),
    slowDisk: character(3),
    replaceDisk: character(2),
    killClient: character(2),
    markDown: character(3),
    out: character(3),
    reweight: character(2),
    crushReweight: character(2),
    upmap: character(3),
    mapStorm: character(2),
    pgNum: character(1.5),
    fill: character(1),
    flap: character(1.5),
    isolatePrimary: character(2),
    flipBit: options.scrubs ? character(4) : 0,
    flags: character(3),
    botchCrush: character(2),
    stallShard: options.shards.some((n) => n > 1) ? character(4) : 0,
    expand: character(1),
    drain: character(1.5),
    lose: character(1),
    renew: character(1),
  };
  // A copy that is damaged and one that is gone may have been all there were.
  if (weights.flipBit > 0) Object.assign(weights, { replaceDisk: 0, lose: 0, renew: 0 });
  const count = dice.pick([3, 10, 20, 40, 100]);
  const out: PlannedFault[] = [];
  let expansions = 0;
  for (let i = 0; i < count; i++) {
    const at = Math.round(2000 + dice.unit() * (durationMs - 60_000));
    const fault = drawFault(dice, dice.weighted(weights), options);
    if (fault.kind === 'expand' && ++expansions > EXPANSIONS_MAX) continue;
    out.push({ number: i, at, fault });
  }
  return out.sort((a, b) => a.at - b.at);
}

function drawFault(dice: Dice, kind: FaultKind, options: SimOptions): Fault {
  // Now and then one of those that come later, if they do.
  const osd = (): OsdName =>
    `osd.${dice.below(options.osds + (dice.chance(0.2) ? EXPANSIONS_MAX : 0))}`;
  const osds = (): OsdName[] =>
    Array.from({ length: options.osds }, (_, id): OsdName => `osd.${id}`).filter(() =>
      dice.chance(0.5),
    );
  const daemon = (): OsdName | 'mon.a' => (dice.chance(0.15) ? 'mon.a' : osd());
  const target = (): FaultTarget => (dice.chance(0.15) ? 'client' : daemon());
  const short = Math.round(dice.pick([30, 300, 3000, 15_000, 40_000]) * (0.3 + dice.unit()));
  switch (kind) {
    case 'kill':
      return { kind, daemon: daemon(), byPower: dice.chance(0.3), forMs: short };
    case 'killAll':
      return {
        kind,
        daemons: [...osds(), ...(dice.chance(0.3) ? ['mon.a' as const] : [])],
        forMs: short,
      };
    case 'pause':
      return { kind, daemon: daemon(), forMs: short };
    case 'partition': {
      const from: FaultTarget[] = dice.chance(0.5) ? [target()] : osds();
      const others = [...osds(), ...(dice.chance(0.4) ? ['mon.a' as const] : [])];
      const to = [target(), ...others].filter((t) => !from.includes(t));
      return { kind, from, to, oneWay: dice.chance(0.3), forMs: short };
    }
    case 'slowLink':
      return { kind, from: target(), to: target(), ms: dice.pick([20, 200, 2000]), forMs: short };
    case 'breakLinks':
      return { kind, from: target(), to: target() };
    case 'slowDisk':
      return { kind, osd: osd(), ms: dice.pick([20, 200, 1000]), forMs: short };
    case 'replaceDisk':
      return { kind, osd: osd(), forMs: short };
    case 'killClient':
      return { kind, client: dice.below(options.clients) };
    case 'markDown':
      return { kind, osd: osd() };
    case 'out':
      return { kind, osd: osd(), forMs: short };
    case 'reweight':
    case 'crushReweight':
      return { kind, osd: osd(), weight: dice.below(4) / 4, forMs: short };
    case 'upmap':
      return {
        kind,
        pool: dice.below(options.pools.length),
        pg: dice.below(8),
        position: dice.below(3),
        to: dice.below(options.osds),
        forMs: short,
      };
    case 'mapStorm':
      return { kind, osds: osds(), maps: dice.between(2, 12), everyMs: dice.pick([0, 5, 100]) };
    case 'pgNum':
      return {
        kind,
        pool: dice.below(options.pools.length),
        pgNum: dice.pick([1, 2, 3, 4, 5, 8, 12]),
      };
    case 'fill':
      return { kind, osd: osd(), forMs: short };
    case 'flipBit':
      return { kind, osd: osd(), pick: dice.below(2 ** 20) };
    case 'flap':
      return { kind, osd: osd(), times: dice.between(2, 6), everyMs: dice.pick([50, 400, 2500]) };
    case 'isolatePrimary':
      return { kind, pool: dice.below(options.pools.length), pg: dice.below(8), forMs: short };
    case 'flags':
      return { kind, flags: drawFlags(dice), forMs: short };
    case 'botchCrush':
      return {
        kind,
        how: dice.pick(BOTCHES),
        pool: dice.below(options.pools.length),
        osds: osds(),
        forMs: Math.round(dice.pick([0, 5, 100, 1000, 15_000]) * (0.3 + dice.unit())),
        times: dice.between(1, 3),
      };
    case 'stallShard':
      return { kind, osd: osd(), shard: dice.below(3), forMs: short };
    case 'expand':
      return { kind };
    case 'drain':
      return { kind, osd: osd(), isPolite: dice.chance(0.5) };
    case 'lose':
    case 'renew':
      return { kind, osd: osd(), afterMs: Math.round(dice.pick([100, 5000, 30_000])) };
  }
}

/** One alone, or several that do not belong together. */
function drawFlags(dice: Dice): ClusterFlag[] {
  if (dice.chance(0.3)) return ['pause'];
  const chance = dice.pick([0.1, 0.5]);
  const some = CLUSTER_FLAGS.filter(() => dice.chance(chance));
  return some.length > 0 ? some : [dice.pick(CLUSTER_FLAGS)];
}

/** A fault in one line. */
export function faultText({ number, at, fault }: PlannedFault): string {
  const { kind, ...rest } = fault;
  const args = Object.entries(rest).map(([k, v]) => `${k} ${JSON.stringify(v)}`);
  return `${number} at ${(at / 1000).toFixed(3)} s: ${[kind, ...args].join(' ')}`.replaceAll(
    '"',
    '',
  );
}

/** The number in an OSD's name. */
export function osdId(osd: string): number {
  return Number(osd.slice(4));
}
