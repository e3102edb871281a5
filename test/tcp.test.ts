import { expect, test } from 'vitest';
import type { Socket, SocketEvents } from '../src/runtime/index.ts';
import { tcpNetwork } from '../src/runtime-node/index.ts';

const ROUNDS = 25;

/** Answers each four bytes, which come in two writes, with four in two writes. */
function answering(socket: Socket): SocketEvents {
  let got = 0;
  return {
    onData: (chunk) => {
      for (got += chunk.length; got >= 4; got -= 4) inTwoWrites(socket);
    },
    onDrain: () => {},
    onClose: () => {},
  };
}
function inTwoWrites(socket: Socket): void {
  socket.write([Buffer.from('ab')]);
  setImmediate(() => socket.write([Buffer.from('cd')]));
}

test('neither end waits for an acknowledgement before it sends a second small write', async () => {
  const listener = await tcpNetwork.listen({ host: '127.0.0.1', port: 0 }, answering);
  const started = performance.now();
  await new Promise<void>((done) => {
    void tcpNetwork.connect(listener.address, (socket) => {
      let got = 0;
      let rounds = 0;
      inTwoWrites(socket);
      return {
        onData: (chunk) => {
          for (got += chunk.length; got >= 4; got -= 4) {
            if (++rounds < ROUNDS) inTwoWrites(socket);
            else {
              socket.destroy();
              done();
            }
          }
        },
        onDrain: () => {},
        onClose: () => {},
      };
    });
  });
  await listener.close();
  // With Nagle's algorithm each round takes at least one delayed acknowledgement: 40 ms on Linux.
  expect(performance.now() - started).toBeLessThan(ROUNDS * 20);
});

test('bytes go where the reader gives room, in order, and a writer hears once that they are taken', async () => {
  const sent = Buffer.alloc(5 << 20);
  for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(i, i);
  const got = Buffer.alloc(sent.length);
  let at = 0;
  let inRoom = 0;
  let room: Buffer | undefined;
  let whole = (): void => {};
  const isWhole = new Promise<void>((done) => {
    whole = done;
  });
  const listener = await tcpNetwork.listen({ host: '127.0.0.1', port: 0 }, () => ({
    onData: (chunk) => {
      if (room && chunk.buffer === room.buffer) {
        expect(chunk.byteOffset).toBe(room.byteOffset);
        inRoom += chunk.length;
      } else chunk.copy(got, at);
      at += chunk.length;
      if (at === got.length) whole();
    },
    room: () => {
      room = at > 0 && at < got.length - 100_000 ? got.subarray(at, at + 1_000_000) : undefined;
      return room;
    },
    onDrain: () => {},
    onClose: () => {},
  }));
  const socket = await tcpNetwork.connect(listener.address, () => ({
    onData: () => {},
    onDrain: () => {},
    onClose: () => {},
  }));
  let taken = 0;
  socket.write([sent.subarray(0, 1000), sent.subarray(1000)], () => taken++);
  expect(taken).toBe(0);
  await isWhole;
  await new Promise(setImmediate);
  expect(taken).toBe(1);
  expect(got.equals(sent)).toBe(true);
  expect(inRoom).toBeGreaterThan(1_000_000);

  // A dead socket looks at nothing any more, be it written to before or after its end.
  socket.write([sent], () => taken++);
  socket.destroy();
  await new Promise<void>((done) => {
    socket.write([sent], () => {
      taken++;
      done();
    });
  });
  await new Promise(setImmediate);
  expect(taken).toBe(3);
  await listener.close();
});
