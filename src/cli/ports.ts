import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { portsOf } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';

/** Below the range the system takes outgoing ports from, and away from Ceph's own 3300 and 6789..7300. */
const FIRST_PORT = 13300;
const STEP = 100;
const BASES = 150;

/** Whether nobody listens there. @throws CephError EADDRNOTAVAIL for an address that is not this machine's */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') done(false);
      else failed(new CephError('EADDRNOTAVAIL', `${host} is not an address of this machine`));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(true)));
  });
}

/** The first of the ports a cluster would take that something else holds. */
export async function portInUse(
  host: string,
  port: number,
  osds: number,
): Promise<number | undefined> {
  for (const p of portsOf(port, osds)) if (!(await isFree(host, p))) return p;
  return undefined;
}

/**
 * A base port with room for a whole cluster. Where the search begins depends on the directory, so that clusters which
 * do not run at the same time seldom choose the same ports, and still find them free when both do.
 * @throws CephError EADDRINUSE, EADDRNOTAVAIL
 */
export async function freeBasePort(host: string, osds: number, dir: string): Promise<number> {
  const first = createHash('sha256').update(dir).digest().readUInt32LE(0);
  for (let i = 0; i < BASES; i++) {
    const base = FIRST_PORT + ((first + i) % BASES) * STEP;
    if ((await portInUse(host, base, osds)) === undefined) return base;
  }
  throw new CephError('EADDRINUSE', `no free ports from ${FIRST_PORT} on; give one with --port`);
}
