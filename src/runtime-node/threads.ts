import { pathToFileURL } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Clock, ShardEvents, ShardLink, Shards, ShardThread } from '../runtime/index.ts';
import { systemClock } from './clock.ts';
import { requirePackage } from './require-package.ts';
import { type Batch, BatchWriter, readBatch } from './thread-batch.ts';

/** What a thread is told at its start. */
interface ThreadStart {
  readonly data: unknown;
  /** The system's clock of intervals, in nanoseconds, when the main thread's monotonic time was 0. */
  readonly zeroNs: bigint;
}

/** Where threads begin. */
export interface ThreadEntry {
  /** The module, beside the one that names it: a source when this one is. */
  readonly module: URL;
  /** What a shard's thread gets to know at its start, as structuredClone takes it. */
  data(index: number): unknown;
}

/** Real threads for the shards of a daemon. */
export function nodeShards(count: number, entry: ThreadEntry): Shards {
  return { count, start: (index, events) => new MainEnd(entry, index, events) };
}

/** Sources are TypeScript, which each thread learns anew to read. */
function fromSource(module: URL): string {
  const tsx = pathToFileURL(requirePackage.resolve('tsx/esm/api').replace(/cjs$/, 'mjs'));
  const [loader, main] = [tsx.href, module.href].map((url) => JSON.stringify(url));
  return `import(${loader}).then(({ register }) => { register(); return import(${main}); });`;
}

class MainEnd implements ShardThread {
  private readonly worker: Worker;
  private readonly sender: Sender;
  private isEnded = false;

  constructor({ module, data }: ThreadEntry, index: number, events: ShardEvents) {
    const start: ThreadStart = { data: data(index), zeroNs: zeroNs() };
    const options = { workerData: start, name: `shard ${index}` };
    this.worker = module.pathname.endsWith('.ts')
      ? new Worker(fromSource(module), { ...options, eval: true })
      : new Worker(module, options);
    this.sender = new Sender((batch, transfer) => this.worker.postMessage(batch, transfer));
    this.worker.on('message', (batch: Batch) =>
      readBatch(batch, (head, bytes) => {
        if (!this.isEnded) events.onPost(head, bytes);
      }),
    );
    const ended = (e?: Error): void => {
      if (this.isEnded) return;
      this.isEnded = true;
      events.onEnd(e);
    };
    this.worker.on('error', ended);
    this.worker.on('exit', (status) => ended(new Error(`thread ended with status ${status}`)));
  }

  post(head: unknown, bytes: readonly Uint8Array[] = []): void {
    if (!this.isEnded) this.sender.post(head, bytes);
  }

  async end(): Promise<void> {
    this.isEnded = true;
    await this.worker.terminate();
  }
}

/** What this thread was started for. */
export function threadData(): unknown {
  return (workerData as ThreadStart).data;
}

/** This thread's end of the way to the main one. */
export function threadLink(events: ShardEvents): ShardLink {
  const port = parentPort!;
  const sender = new Sender((batch, transfer) => port.postMessage(batch, transfer));
  port.on('message', (batch: Batch) =>
    readBatch(batch, (head, bytes) => events.onPost(head, bytes)),
  );
  return { post: (head, bytes = []) => sender.post(head, bytes) };
}

/** The system's clocks and timers, with the main thread's monotonic time. */
export function threadClock(): Clock {
  const behindMs = Number(zeroNs() - (workerData as ThreadStart).zeroNs) / 1e6;
  return { ...systemClock, monotonicMs: () => performance.now() + behindMs };
}

/** The clock of intervals is one for all threads, but `performance.now` counts from the start of its thread. */
function zeroNs(): bigint {
  return process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6));
}

/** Sends what was posted when the turn of the event loop is over. */
class Sender {
  private readonly batch = new BatchWriter();
  private readonly send: (batch: Batch, transfer: ArrayBuffer[]) => void;

  constructor(send: (batch: Batch, transfer: ArrayBuffer[]) => void) {
    this.send = send;
  }

  post(head: unknown, bytes: readonly Uint8Array[]): void {
    if (this.batch.isEmpty) process.nextTick(this.flush);
    this.batch.add(head, bytes);
  }

  private readonly flush = (): void => {
    const { batch, transfer } = this.batch.take();
    this.send(batch, transfer);
  };
}
