import { defaultText } from '../config/index.ts';
import { CephError } from '../errors/index.ts';

/** Where an OSD listens. */
export interface OsdAddresses {
  readonly host: string;
  /** 0: one of `ports`. */
  readonly port: number;
  readonly clusterHost: string;
  readonly clusterPort: number;
  /** For all that has none given; undefined: the system chooses. */
  readonly ports: { readonly min: number; readonly max: number } | undefined;
}

/** What the cluster's own file says of it, where no option speaks. */
export interface GivenAddresses {
  readonly host: string;
  readonly port: number;
  readonly clusterHost: string | undefined;
}

/**
 * Where an OSD listens by its options: an address, else one in a network, for clients and for other OSDs; where nothing
 * is said of the latter, they use the former. Source: pick_addresses of src/common/pick_address.cc, and ceph_osd.cc, 16.2.
 * @param option canonical text; undefined for one that is not set
 * @param addressIn finds an address of this machine in networks
 * @throws CephError ENOENT without one, EINVAL for networks and ports that are none
 */
export function pickAddresses(
  option: (name: string) => string | undefined,
  given: GivenAddresses,
  addressIn: (networks: string) => string,
): OsdAddresses {
  const publicNetwork = option('public_network') || undefined;
  const clusterNetwork = option('cluster_network') || undefined;
  const inNetwork = (networks: string | undefined): Place | undefined =>
    networks === undefined ? undefined : { host: addressIn(networks), port: 0 };
  const ports = portsOf(option);
  const own = addressOf(option('public_addr')) ??
    inNetwork(publicNetwork) ?? { host: given.host, port: 0 };
  const cluster = addressOf(option('cluster_addr')) ??
    inNetwork(clusterNetwork) ??
    placeAt(given.clusterHost) ??
    inNetwork(publicNetwork) ?? { host: own.host, port: 0 };
  return {
    host: own.host,
    port: own.port || (ports ? 0 : given.port),
    clusterHost: cluster.host,
    clusterPort: cluster.port,
    ports,
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function placeAt(host: string | undefined): Place | undefined {
  return host === undefined ? undefined : { host, port: 0 };
}

/** The address in `v2:HOST:PORT/NONCE`; undefined where it names none. */
function addressOf(text: string | undefined): Place | undefined {
  const [, host, port] = /^\w+:\[?([\da-f.:]+?)\]?:(\d+)\/\d+$/i.exec(text ?? '') ?? [];
  if (host === undefined || host === '0.0.0.0' || host === '::') return undefined;
  return { host, port: Number(port) };
}

function portsOf(option: (name: string) => string | undefined): OsdAddresses['ports'] {
  const [low, high] = [option('ms_bind_port_min'), option('ms_bind_port_max')];
  if (low === undefined && high === undefined) return undefined;
  const min = Number(low ?? defaultText('ms_bind_port_min'));
  const max = Number(high ?? defaultText('ms_bind_port_max'));
  if (min >= 1 && min <= max && max <= 65535) return { min, max };
  throw new CephError('EINVAL', `ms_bind_port_min ${min} to ms_bind_port_max ${max}: no ports`);
}
