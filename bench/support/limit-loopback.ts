/** Requests over loopback TCP between two processes: a length and so many bytes there, a length and 16 bytes back. */
import { type ChildProcess, fork } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const HEAD = 4;
const ANSWER = Buffer.alloc(HEAD + 16);
ANSWER.writeUInt32LE(16);

/** Calls back for each frame that has arrived whole; nothing of it is kept. */
function onFrames(socket: Socket, frame: () => void): void {
  let head = Buffer.alloc(0);
  let missing = 0;
  socket.on('data', (data: Buffer) => {
    let at = 0;
    while (at < data.length) {
      if (missing > 0) {
        const taken = Math.min(missing, data.length - at);
        at += taken;
        missing -= taken;
        if (missing === 0) frame();
        continue;
      }
      const taken = Math.min(HEAD - head.length, data.length - at);
      head = Buffer.concat([head, data.subarray(at, at + taken)]);
      at += taken;
      if (head.length < HEAD) return;
      missing = head.readUInt32LE();
      head = Buffer.alloc(0);
    }
  });
}

function serve(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    let answers = 0;
    onFrames(socket, () => {
      if (answers++ > 0) return;
      setImmediate(() => {
        socket.write(Buffer.concat(Array.from({ length: answers }, () => ANSWER)));
        answers = 0;
      });
    });
    socket.on('error', () => {}); // the client leaves answers behind when its time is over
    socket.on('close', () => server.close());
  });
  server.listen(0, '127.0.0.1', () => {
    process.send!((server.address() as { port: number }).port);
    process.disconnect();
  });
}

export interface LoopbackRate {
  readonly perSecond: number;
  /** From the request to its answer. */
  readonly meanMicroseconds: number;
}

/** Keeps so many requests of one length under way. */
export async function loopbackRate(
  bytes: number,
  depth: number,
  seconds: number,
): Promise<LoopbackRate> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), { execArgv: process.execArgv });
  const port = await new Promise<number>((done) => child.once('message', (p) => done(Number(p))));
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((done) => socket.once('connect', done));
  const request = Buffer.alloc(HEAD + bytes);
  request.writeUInt32LE(bytes);
  const started = performance.now();
  let answered = 0;
  await new Promise<void>((done) => {
    onFrames(socket, () => {
      answered++;
      if (performance.now() - started < seconds * 1000) socket.write(request);
      else done();
    });
    socket.cork();
    for (let i = 0; i < depth; i++) socket.write(request);
    socket.uncork();
  });
  const ms = performance.now() - started;
  socket.destroy();
  await new Promise((done) => child.once('exit', done));
  return { perSecond: (answered * 1000) / ms, meanMicroseconds: (ms * 1000 * depth) / answered };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
