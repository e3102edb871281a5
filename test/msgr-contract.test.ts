import { nativeCrc32c, systemClock, systemRandom, tcpNetwork } from '../src/runtime-node/index.ts';
import { messengerContract } from './contract/messenger.ts';
import { SimWorld } from './support/sim-network.ts';
import { pause } from './support/until.ts';

messengerContract('TCP', () => ({
  isVirtual: false,
  runtime: (log) => ({
    clock: systemClock,
    random: systemRandom,
    network: tcpNetwork,
    log,
    crc32c: nativeCrc32c,
  }),
  until: async (what) => {
    for (let i = 0; i < 2000; i++) {
      if (what()) return true;
      await pause(2);
    }
    return false;
  },
  calm: () => pause(60),
}));

let seed = 0;
messengerContract('the simulated network', () => {
  const world = new SimWorld(++seed, { chunkMax: 30_000 });
  return {
    isVirtual: true,
    runtime: (log) => world.runtime(log),
    until: (what) => world.run(world.now + 120_000, what),
    calm: async () => {
      await world.run(world.now + 60);
    },
  };
});
