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
