import type { OSDMap } from '../../src/maps/index.ts';
import { OsdDownOut } from '../../src/mon/services/osd-down-out.ts';
import { FailureReports } from '../../src/mon/services/osd-failure.ts';
import { markDown } from '../../src/mon/services/osd-state.ts';
import { Accusations } from '../../src/osd/failure/accusations.ts';
import { type HeartbeatSettings, Heartbeats, TICK_MS } from '../../src/osd/failure/heartbeats.ts';
import type { Side } from '../../src/osd/failure/ping-book.ts';
import { decodeFront, MOSDFailure, MOSDPing, type Outgoing } from '../../src/wire/index.ts';
import { bootOf, FSID, makeWorld, type World } from '../mon-world.ts';

const SETTINGS: HeartbeatSettings = {
  intervalSeconds: 6,
  graceSeconds: 20,
  peersMin: 10,
  sizeMin: 2000,
  healthyRatio: 0.33,
  reportersMin: 2,
  level: 'host',
  isRefusalFatal: true,
  minuteSeconds: 60,
  keptSeconds: 3600,
};

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void | Promise<void>;
}

/** One OSD: what watches others, without its data. */
export class SimOsd {
  readonly id: number;
  map: OSDMap | undefined;
  /** Its process runs. */
  isAlive = true;
  /** It asks to be marked up again by itself, when enough of its peers answer. */
  isDoubtful = false;
  readonly heartbeats: Heartbeats;
  readonly accusations: Accusations;
  /** Set once it was up: a boot after that is of a process that was wrongly marked down. */
  bootEpoch = 0;

  constructor(world: HeartbeatWorld, id: number) {
    this.id = id;
    const osd = this;
    this.accusations = new Accusations({
      fsid: FSID,
      id,
      sendToMon: (m) => world.toMon(id, m),
      note: () => {},
    });
    this.heartbeats = new Heartbeats(
      {
        id,
        fsid: FSID,
        clock: {
          monotonicMs: () => world.now + 1000 * id, // each starts somewhere
          wallMs: () => world.now,
          setTimer: () => ({ cancel() {} }),
        },
        random: { below: (n) => world.random(n), bytes: (n) => new Uint8Array(n) },
        get map() {
          return osd.map;
        },
        get isWatching() {
          return osd.isUp || osd.isDoubtful;
        },
        heartbeat: SETTINGS,
        get ownUpFrom() {
          return osd.isUp ? osd.map!.data.osdInfo.at(id)!.upFrom : 0;
        },
        neighbours: () => new Set(),
        wantMap: (epoch) => world.wantMap(osd, epoch),
        sendPing: (to, side, _addrs, message) => world.carry(id, to, side, message),
        dropPings: () => {},
      },
      this.accusations,
    );
  }

  get isUp(): boolean {
    return this.map?.isUp(this.id) ?? false;
  }
}

/** OSDs on two networks that can be cut in any direction, and a monitor's decisions, in virtual time. */
export class HeartbeatWorld {
  now = 0;
  readonly osds: SimOsd[] = [];
  readonly log: string[] = [];
  readonly cuts = new Set<string>();
  /** OSDs that do not reach the monitor, nor it them. */
  readonly lonely = new Set<number>();
  readonly failures = new FailureReports();
  readonly downOut = new OsdDownOut();
  mon!: World;
  private readonly startMs = 1e12;
  private events: Event[] = [];
  private order = 0;
  private seed: number;

  private constructor(seed: number) {
    this.seed = seed;
  }

  static async start(osds: number, perHost: number, seed: number): Promise<HeartbeatWorld> {
    const w = new HeartbeatWorld(seed);
    w.mon = await makeWorld({ osds });
    for (let id = 0; id < osds; id++) {
      const host = `host${Math.floor(id / perHost)}`;
      await w.mon.boot(id, { metadata: new Map([...bootOf(id).metadata, ['hostname', host]]) });
      w.osds.push(new SimOsd(w, id));
    }
    w.publish();
    w.every(() => w.tickMon());
    for (const osd of w.osds) w.every(() => w.tickOsd(osd));
    return w;
  }

  /** mulberry32 */
  random(n: number): number {
    this.seed = (this.seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), this.seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }

  after(ms: number, run: Event['run']): void {
    this.events.push({ at: this.now + ms, order: this.order++, run });
    this.events.sort((a, b) => a.at - b.at || a.order - b.order);
  }
  private every(run: () => void | Promise<void>): void {
    const again = async (): Promise<void> => {
      await run();
      this.after(TICK_MS, again);
    };
    this.after(this.random(TICK_MS), again);
  }

  async run(seconds: number): Promise<void> {
    const end = this.now + 1000 * seconds;
    while (this.events.length > 0 && this.events[0]!.at <= end) {
      const event = this.events.shift()!;
      this.now = event.at;
      this.mon.nowMs = this.startMs + this.now;
      await event.run();
    }
    this.now = end;
  }

  /** Cuts what `from` sends to `to`, on the networks named. */
  cut(from: number, to: number, ...sides: Side[]): void {
    for (const side of sides) this.cuts.add(`${from}>${to} ${side}`);
  }
  /** Cuts an OSD off from all others, both ways. */
  isolate(osd: number, ...sides: Side[]): void {
    for (const other of this.osds) {
      this.cut(osd, other.id, ...sides);
      this.cut(other.id, osd, ...sides);
    }
  }
  heal(): void {
    this.cuts.clear();
    this.lonely.clear();
  }

  carry(from: number, to: number, side: Side, message: Outgoing): void {
    this.after(1 + this.random(20), () => {
      if (this.cuts.has(`${from}>${to} ${side}`)) return;
      const osd = this.osds[to]!;
      if (!osd.isAlive) return;
      const ping = decodeFront(MOSDPing, { front: message.front });
      osd.heartbeats.onPing(from, side, ping, (reply) => this.carry(to, from, side, reply));
    });
  }

  toMon(from: number, message: Outgoing): void {
    this.after(1 + this.random(20), async () => {
      if (this.lonely.has(from)) return;
      const m = decodeFront(MOSDFailure, { front: message.front });
      const verdict = this.failures.take(this.mon.state(), from, m);
      if (verdict) await this.down(verdict.osd, verdict.text, verdict.isDead);
    });
  }

  wantMap(osd: SimOsd, epoch: number): void {
    if (epoch > (osd.map?.epoch ?? 0)) this.tell(osd);
  }

  get upIds(): number[] {
    const { osdmap } = this.mon.state();
    return osdmap.osds().filter((osd) => osdmap.isUp(osd));
  }

  private async tickMon(): Promise<void> {
    for (;;) {
      const verdict = this.failures.next(this.mon.state());
      if (!verdict) break;
      await this.down(verdict.osd, verdict.text, verdict.isDead);
    }
    const out = this.downOut.next(this.mon.state());
    if (!out) return;
    for (const { osd } of out.osds) this.note(`out ${osd}`);
    await this.mon.ledger.propose({ osdmap: out.patch });
    this.publish();
  }

  private async tickOsd(osd: SimOsd): Promise<void> {
    if (!osd.isAlive) return;
    osd.heartbeats.tick();
    // As the daemon does it: see Watch and Boot.
    if (osd.map && !osd.isUp && !this.lonely.has(osd.id)) {
      if (osd.isDoubtful && !osd.heartbeats.isHealthy) return;
      const { osdmap } = this.mon.state();
      const host = osdmap.crushMap.itemNames;
      const placed = [...osdmap.crushMap.buckets.values()].find(
        (b) => b.items.includes(osd.id) && !host.get(b.id)?.includes('~'),
      );
      const hostname = host.get(placed!.id)!;
      const { bootEpoch } = osd;
      await this.mon.boot(osd.id, {
        bootEpoch,
        metadata: new Map([...bootOf(osd.id).metadata, ['hostname', hostname]]),
      });
      this.failures.forget(osd.id);
      this.note(`up ${osd.id}`);
      this.publish();
    }
  }

  private async down(osd: number, text: string, isDead: boolean): Promise<void> {
    this.failures.forget(osd);
    this.note(`down ${osd} ${text.slice(text.lastIndexOf('('))}`);
    await this.mon.ledger.propose({
      osdmap: markDown(this.mon.state().osdmap, [osd], isDead),
    });
    this.publish();
  }

  private note(line: string): void {
    this.log.push(`${Math.floor(this.now / 1000)} ${line}`);
  }

  private publish(): void {
    for (const osd of this.osds) this.tell(osd);
  }

  private tell(osd: SimOsd): void {
    const map = this.mon.state().osdmap;
    this.after(1 + this.random(50), () => {
      if (!osd.isAlive || this.lonely.has(osd.id)) return;
      if (map.epoch <= (osd.map?.epoch ?? 0)) return;
      const wasUp = osd.isUp;
      osd.map = map;
      if (osd.isUp) {
        osd.isDoubtful = false;
        osd.bootEpoch ||= map.epoch;
      } else if (wasUp) {
        osd.isDoubtful = true;
        osd.heartbeats.reset();
      }
      osd.heartbeats.mapChanged(map);
    });
  }
}
