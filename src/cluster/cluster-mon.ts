import { hostname } from 'node:os';
import { CephError } from '../errors/index.ts';
import { type Monitor, startMonitor } from '../mon/index.ts';
import type { KeyValue, Runtime } from '../runtime/index.ts';
import type { FaultyNetwork } from './faults/faulty-network.ts';

/** What the monitor of a cluster in this process is made of. */
export interface MonParts {
  readonly host: string;
  readonly config: ReadonlyMap<string, string>;
  /** The store, as the life before left it. */
  openStore(): Promise<KeyValue>;
  /** The world as the next life of the monitor has it. */
  runtime(): { runtime: Runtime; network: FaultyNetwork | undefined };
}

/** The monitor of a cluster in this process: it can be killed and started again, and keeps its port. */
export class ClusterMon {
  private readonly parts: MonParts;
  private life: { monitor: Monitor; network: FaultyNetwork | undefined } | undefined;
  /** 0: the system has not chosen one yet. */
  private chosenPort = 0;

  /** @internal */
  constructor(parts: MonParts) {
    this.parts = parts;
  }

  get port(): number {
    return this.chosenPort;
  }

  /** @throws CephError ENOTCONN while it is dead */
  get running(): Monitor {
    if (!this.life) throw new CephError('ENOTCONN', 'mon.a does not run');
    return this.life.monitor;
  }

  /** Starts it on what its store holds. Nothing happens to one that runs. */
  async start(): Promise<void> {
    if (this.life) return;
    const { host, config } = this.parts;
    const store = await this.parts.openStore();
    const { runtime, network } = this.parts.runtime();
    const monitor = await startMonitor({
      runtime,
      store,
      host,
      port: this.chosenPort,
      mgrPort: 0,
      hostname: hostname(),
      config,
    });
    this.chosenPort = monitor.addr.port;
    this.life = { monitor, network };
  }

  /** Ends it without a word; what it acknowledged is durable. Nothing happens to one that is dead. */
  async kill(): Promise<void> {
    const { life } = this;
    this.life = undefined;
    await life?.network?.kill();
    await life?.monitor.close();
  }
}
