import { connect } from '../../src/client/index.ts';
import type { Pool, Rados } from '../../src/rados/index.ts';
import type { BenchCluster } from './clusters.ts';

/** Clients of this process, each with connections of its own. */
export class Clients implements AsyncDisposable {
  private readonly connections: readonly Rados[];
  /** The pool "bench", as each client sees it. */
  readonly pools: readonly Pool[];

  private constructor(connections: readonly Rados[], pools: readonly Pool[]) {
    this.connections = connections;
    this.pools = pools;
  }

  static async connect(cluster: BenchCluster, count: number): Promise<Clients> {
    const connections = await Promise.all(
      Array.from({ length: count }, () => connect({ conf: cluster.conf })),
    );
    const pools = await Promise.all(connections.map((rados) => rados.pool('bench')));
    return new Clients(connections, pools);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.connections.map((rados) => rados.close()));
  }
}

/**
 * Runs workers side by side until the time is over, each one op after another.
 * @param op what worker `w` does in its turn `i`
 * @param took called after each op with its milliseconds
 */
export async function runWorkers(
  count: number,
  untilMs: number,
  op: (w: number, i: number) => Promise<unknown>,
  took: (ms: number) => void,
): Promise<void> {
  const worker = async (_: unknown, w: number): Promise<void> => {
    for (let i = 0; performance.now() < untilMs; i++) {
      const started = performance.now();
      await op(w, i);
      took(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
}
