import type { ListenPlace } from '../msgr/index.ts';
import type { EntityAddr } from '../wire/index.ts';
import type { OsdAddrs } from './front/boot.ts';
import { Front } from './front/front.ts';
import type { Osd, OsdOptions } from './options.ts';
import { openSuperblock } from './superblock.ts';

/** Leases, heartbeats and what follows from them are looked at so often. */
const WATCH_MS = 1000;
const GOODBYE_MS = 1000;

/** Starts an OSD: opens its maps and PGs, listens, and asks the monitor to mark it up. */
export async function startOsd(options: OsdOptions): Promise<Osd> {
  const { fsid, uuid, id, store, shards } = options;
  const partition = { index: 0, count: shards?.count ?? 1 };
  const superblock = await openSuperblock(store, { fsid, uuid, id, partition });
  const osd = new OsdDaemon(options, new Front(options, superblock));
  await osd.start();
  return osd;
}

/** The life of an OSD. */
class OsdDaemon implements Osd {
  readonly id: number;
  readonly booted: Promise<void>;
  private readonly options: OsdOptions;
  private readonly front: Front;

  constructor(options: OsdOptions, front: Front) {
    this.id = options.id;
    this.booted = front.booted;
    this.options = options;
    this.front = front;
  }

  get addr(): EntityAddr {
    return this.front.addr;
  }

  async start(): Promise<void> {
    const { front } = this;
    const { shardSet, maps, timers } = front;
    const { shards } = this.options;
    try {
      if (shards) await shardSet.open(shards, front, front.settings);
      front.addrs = await this.listen();
    } catch (e) {
      await this.kill();
      throw e;
    }
    const { epoch } = front;
    shardSet.begin(this.addr, front.config.mapSharing(), epoch, (e) => maps.fullAt(e));
    front.log('info', 'started', { epoch, pgs: shardSet.own.pgCount });
    front.mon.connect();
    front.reporter.begin();
    timers.every('watch', WATCH_MS, () => this.keepWatch());
  }

  async close(): Promise<void> {
    const { front } = this;
    if (front.state === 'stopped') return;
    if (front.state === 'active') {
      await front.leave();
      await this.waitUntilDown();
    }
    await this.kill();
  }

  async kill(): Promise<void> {
    const { front } = this;
    if (front.state === 'stopped') return;
    front.halt();
    await front.shutdown();
    await front.shardSet.close();
  }

  private async listen(): Promise<OsdAddrs> {
    const { host, port, clusterHost = host, clusterPort, runtime } = this.options;
    const { messengers, watch } = this.front;
    const { ports = { min: 0, max: 0 } } = this.options;
    const place = (at: string, given = 0): ListenPlace =>
      given === 0 ? { host: at, ...ports } : { host: at, min: given, max: given };
    const own = { public: place(host, port), cluster: place(clusterHost, clusterPort) };
    const nonce = 1 + runtime.random.below(2 ** 31);
    const [addrs, { front, back }] = await Promise.all([
      messengers.listen(own, nonce),
      watch.listen({ front: place(host), back: place(clusterHost) }, nonce),
    ]);
    return { ...addrs, hbFront: front, hbBack: back };
  }

  private keepWatch(): void {
    const { watch, maps, boot } = this.front;
    watch.tick();
    // By now enough of our peers may answer.
    if (maps.isNewest) boot.ask();
  }

  private async waitUntilDown(): Promise<void> {
    const { front } = this;
    const deadline = front.clock.monotonicMs() + GOODBYE_MS;
    while (front.isUpNow && front.mon.isConnected && front.clock.monotonicMs() < deadline) {
      await new Promise<void>((go) => front.clock.setTimer(10, go));
    }
  }
}
