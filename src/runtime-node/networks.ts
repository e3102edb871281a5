import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { CephError } from '../errors/index.ts';

/**
 * An address of this machine in one of these networks, the first of them that it has one in, as Ceph's daemons choose
 * theirs from public_network and cluster_network (pick_addresses of src/common/pick_address.cc, 16.2).
 * @param networks `10.0.0.0/24, fd00::/64`
 * @throws CephError EINVAL for what is no network, ENOENT when this machine has no address there
 */
export function addressIn(networks: string): string {
  const lists = networks
    .split(/[,;\s]+/)
    .filter((word) => word !== '')
    .map(networkOf);
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  for (const list of lists) {
    const found = own.find((a) => list.check(a.address, a.family === 'IPv4' ? 'ipv4' : 'ipv6'));
    if (found) return found.address;
  }
  throw new CephError('ENOENT', `this machine has no address in ${networks}`);
}

function networkOf(word: string): BlockList {
  const [, base, bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(word) ?? [];
  const family = isIP(base ?? '');
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
    throw new CephError('EINVAL', `'${word}' is not a network such as 10.0.0.0/24`);
  }
  const list = new BlockList();
  list.addSubnet(base!, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list;
}
