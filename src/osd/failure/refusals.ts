import { CephError, ERRNO } from '../../errors/index.ts';
import type { Network, SocketAddress } from '../../runtime/index.ts';

/** A network that also tells when a peer's host says that nobody listens at an address: its process is gone. */
export function watchRefusals(network: Network, onRefused: (a: SocketAddress) => void): Network {
  return {
    listen: (address, accept) => network.listen(address, accept),
    async connect(address, accept) {
      try {
        return await network.connect(address, accept);
      } catch (e) {
        if (e instanceof CephError && e.errno === ERRNO.ECONNREFUSED) onRefused(address);
        throw e;
      }
    },
  };
}
