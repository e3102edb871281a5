/**
 * `sepiola/rados`: the RADOS client on Node.js's sockets and files. Joins `rados` and `runtime-node`.
 */
import { readFile } from 'node:fs/promises';
import { CephError } from '../errors/index.ts';
import {
  type CallOptions,
  type CephConf,
  confValue,
  parseCephConf,
  parseMonHost,
  Rados,
} from '../rados/index.ts';
import { type Logger, silent } from '../runtime/index.ts';
import { nodeRuntime } from '../runtime-node/index.ts';

export { CephError } from '../errors/index.ts';
export * from '../rados/index.ts';

export interface ConnectOptions extends CallOptions {
  /** Path of a ceph.conf. Default: the environment's CEPH_CONF, then /etc/ceph/ceph.conf. */
  readonly conf?: string;
  /** Monitors instead of a ceph.conf, in its syntax: `v2:127.0.0.1:3300`. */
  readonly monHost?: string;
  /** Entity to present. Default client.admin. */
  readonly name?: string;
  readonly log?: Logger;
}

const CONNECT_MS = 30_000;

/**
 * Connects to a cluster, Sepiola's or Ceph's.
 * @throws CephError ENOENT no such ceph.conf; EINVAL it names no monitor; EOPNOTSUPP it demands cephx; ETIMEDOUT no
 *   monitor answered within `timeoutMs` (default 30 s)
 */
export async function connect(options: ConnectOptions = {}): Promise<Rados> {
  const name = options.name ?? 'client.admin';
  const monAddrs = parseMonHost(options.monHost ?? (await monHostOf(options, name)));
  const runtime = nodeRuntime({ log: options.log ?? silent });
  const timeoutMs = options.timeoutMs ?? CONNECT_MS;
  try {
    return await Rados.connect(runtime, { monAddrs, name }, { signal: options.signal, timeoutMs });
  } catch (cause) {
    if (!(cause instanceof CephError) || cause.code !== 'ETIMEDOUT') throw cause;
    const where = monAddrs.map((a) => `${a.host}:${a.port}`).join(', ');
    const what = `no monitor at ${where} answered within ${timeoutMs / 1000} s`;
    throw new CephError('ETIMEDOUT', what, { cause });
  }
}

async function monHostOf(options: ConnectOptions, name: string): Promise<string> {
  const path = options.conf ?? process.env.CEPH_CONF ?? '/etc/ceph/ceph.conf';
  let conf: CephConf;
  try {
    conf = parseCephConf(await readFile(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof CephError) throw new CephError(cause.errno, `${path}: ${cause.message}`);
    const code = (cause as NodeJS.ErrnoException).code;
    throw new CephError(code === 'EACCES' ? 'EACCES' : 'ENOENT', `cannot read ${path}`, { cause });
  }
  const auth = confValue(conf, name, 'auth client required');
  if (auth !== undefined && !/\bnone\b/.test(auth)) {
    throw new CephError('EOPNOTSUPP', `${path} demands '${auth}'; this release speaks auth none`);
  }
  const monHost = confValue(conf, name, 'mon host');
  if (monHost === undefined) throw new CephError('EINVAL', `${path} names no 'mon host'`);
  return monHost;
}
