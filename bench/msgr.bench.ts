/**
 * Echo over loopback TCP between a client and a server: `npx tsx bench/msgr.bench.ts [--one] [seconds]`. Each row keeps a
 * fixed count of requests in flight. By default the server is a process of its own, so that each side has a core;
 * with `--one` both share one, which is the harder figure.
 */
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { createMessenger, type Messenger } from '../src/msgr/index.ts';
import { silent } from '../src/runtime/index.ts';
import { nativeCrc32c, systemClock, systemRandom, tcpNetwork } from '../src/runtime-node/index.ts';
import { ENTITY, type EntityAddr } from '../src/wire/index.ts';

const runtime = {
  clock: systemClock,
  random: systemRandom,
  network: tcpNetwork,
  log: silent,
  crc32c: nativeCrc32c,
};

async function startServer(): Promise<{ messenger: Messenger; addr: EntityAddr }> {
  const messenger = createMessenger(runtime, {
    name: { type: ENTITY.osd, num: 0 },
    authName: { type: ENTITY.osd, id: '0' },
    dispatcher: {
      onMessage: (c, m) =>
        c.send({
          type: 43,
          version: 8,
          compatVersion: 8,
          tid: m.tid,
          priority: 63,
          front: m.front,
        }),
    },
  });
  const addr = await messenger.listen({ host: '127.0.0.1', port: 0, nonce: 1 });
  return { messenger, addr };
}

async function measure(addr: EntityAddr, dataBytes: number, inFlight: number, ms: number) {
  let replies = 0;
  let stopping = false;
  let tid = 0;
  const front = Buffer.alloc(200);
  const data = dataBytes > 0 ? [Buffer.alloc(dataBytes, 7)] : undefined;
  const messenger = createMessenger(runtime, {
    name: { type: ENTITY.client, num: -1 },
    globalId: 4100,
    authName: { type: ENTITY.client, id: 'admin' },
    dispatcher: {
      onMessage: () => {
        replies++;
        if (!stopping) one();
      },
    },
  });
  const connection = messenger.connect({ type: ENTITY.osd, addrs: [addr] });
  const one = (): void =>
    connection.send({
      type: 42,
      version: 8,
      compatVersion: 3,
      tid: ++tid,
      priority: 63,
      front,
      data,
    });
  for (let i = 0; i < inFlight; i++) one();
  await new Promise((r) => setTimeout(r, 500)); // warm
  replies = 0;
  const cpu = process.cpuUsage();
  const from = performance.now();
  await new Promise((r) => setTimeout(r, ms));
  const elapsed = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  stopping = true;
  await messenger.shutdown();
  return { rate: replies / elapsed, cpu: (user + system) / 1e6 / elapsed };
}

async function main(): Promise<void> {
  if (process.argv.includes('--server')) {
    const { addr } = await startServer();
    process.send?.(addr);
    return;
  }
  const one = process.argv.includes('--one');
  const seconds = Number(process.argv.find((a) => /^\d+$/.test(a)) ?? 3);
  let addr: EntityAddr;
  let stop: () => void = () => {};
  if (one) {
    const server = await startServer();
    addr = server.addr;
    stop = () => void server.messenger.shutdown();
  } else {
    const child = fork(new URL(import.meta.url), ['--server']);
    addr = await new Promise((r) => child.once('message', (m) => r(m as EntityAddr)));
    stop = () => child.kill();
  }
  console.log(
    `${cpus()[0]?.model}, node ${process.version}, ${one ? 'one process' : 'two processes'}`,
  );
  console.log('data bytes  in flight  echoes/s   MB/s  client cpu');
  for (const [bytes, inFlight] of [
    [0, 1],
    [0, 16],
    [0, 128],
    [4096, 16],
    [65536, 16],
    [4 << 20, 16],
  ] as const) {
    const { rate, cpu } = await measure(addr, bytes, inFlight, seconds * 1000);
    const mb = ((rate * bytes) / 1e6).toFixed(0);
    console.log(
      `${String(bytes).padStart(10)}  ${String(inFlight).padStart(9)}  ${rate.toFixed(0).padStart(8)}  ${mb.padStart(5)}  ${cpu.toFixed(2).padStart(10)}`,
    );
  }
  stop();
}
await main();
