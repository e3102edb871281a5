import { closeSync, openSync, read } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** Calls one after another for so long: microseconds for one. */
async function microsecondsEach(seconds: number, call: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 1000; i++) await call();
  const started = performance.now();
  let calls = 0;
  while (performance.now() - started < seconds * 1000) {
    await call();
    calls++;
  }
  return ((performance.now() - started) * 1000) / calls;
}

const ECHO = `const { parentPort } = require('node:worker_threads');
parentPort.on('message', (m) => parentPort.postMessage(m));`;

/** A message to a thread that waits, one way: half of there and back. */
export async function messageHop(seconds: number): Promise<number> {
  const worker = new Worker(ECHO, { eval: true });
  let answered = (_: unknown): void => {};
  worker.on('message', (m) => answered(m));
  const both = await microsecondsEach(seconds, () => {
    const answer = new Promise((done) => {
      answered = done;
    });
    worker.postMessage(1);
    return answer;
  });
  await worker.terminate();
  return both / 2;
}

/** A call handed to libuv's threads and back: a read of nothing to speak of. */
export async function poolCall(seconds: number): Promise<number> {
  const fd = openSync('/dev/zero', 'r');
  const byte = Buffer.alloc(1);
  const each = await microsecondsEach(
    seconds,
    () => new Promise<void>((done) => read(fd, byte, 0, 1, 0, () => done())),
  );
  closeSync(fd);
  return each;
}
