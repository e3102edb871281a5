import { type Cluster, startCluster } from '../../src/cluster/index.ts';
import { type Answer, MonSession } from './mon-session.ts';
import { type ReferenceCluster, startReference } from './reference-cluster.ts';

/** Our monitor and a real one, which are told the same. OSDs need not run to be in a map. */
export class MonitorPair implements AsyncDisposable {
  readonly ours: MonSession;
  readonly real: MonSession;
  private readonly cluster: Cluster;
  private readonly reference: ReferenceCluster;

  private constructor(cluster: Cluster, conf: string, reference: ReferenceCluster) {
    this.cluster = cluster;
    this.reference = reference;
    this.ours = new MonSession(conf);
    this.real = new MonSession(reference.conf);
  }

  /** @param osds of the real one that run; ours has one, which is the smallest there is */
  static async start(osds: number): Promise<MonitorPair> {
    const [cluster, reference] = await Promise.all([
      startCluster({ osds: 1 }),
      startReference(osds),
    ]);
    const pair = new MonitorPair(cluster, await cluster.writeConf(), reference);
    await Promise.all([pair.ours.ready(), pair.real.ready()]);
    // A real monitor gathers changes for a while.
    for (const option of ['paxos_propose_interval', 'paxos_min_wait']) {
      await pair.real.run(['config', 'set', 'mon', option, '0.01']);
    }
    return pair;
  }

  /** What each answers. */
  both(words: readonly string[], input?: Uint8Array): Promise<[Answer, Answer]> {
    return Promise.all([this.ours.run(words, input), this.real.run(words, input)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ours.close();
    this.real.close();
    await this.cluster.close();
    await this.reference.stop();
  }
}
