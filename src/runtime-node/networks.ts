import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { CephError } from '../errors/index.ts';

/**
 * The first address of this machine that lies in one of these networks, as Ceph's daemons choose theirs from
 * public_network and cluster_network (pick_addresses of src/common/pick_address.cc, 16.2).
 * @param networks `10.0.0.0/24, fd00::/64`
 * @throws CephError EINVAL for what is no network, ENOENT when this machine has no address there
 */
export function addressIn(networks: string): string {
  const list = new BlockList();
  for (const word of networks.split(/[,\s]+/).filter((w) => w !== '')) {
    const [, base, bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(word) ?? [];
    const family = isIP(base ?? '');
    if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
      throw new CephError('EINVAL', `'${word}' is not a network such as 10.0.0.0/24`);
    }
    list.addSubnet(base!, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) {
      if (list.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6')) return address;
    }
  }
  throw new CephError('ENOENT', `this machine has no address in ${networks}`);
}
