import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CephError } from '../errors/index.ts';

/** What `cluster.json` holds: chosen once, when the directory becomes a cluster's. */
export interface ClusterFile {
  readonly format: 1;
  readonly fsid: string;
  /** Where the monitor and the OSDs listen for clients. */
  readonly host: string;
  /** Where OSDs listen for each other, at ports that the system chooses; absent where that is `host`. */
  readonly clusterHost?: string;
  /** Monitor at `port`, manager part at `port + 1`, OSD n at `port + 10 + n`. */
  readonly port: number;
  /** How many ids there are or were; those of OSDs that were removed have no uuid. */
  readonly osds: number;
  readonly osdUuids: readonly string[];
  /** What each OSD's store may hold. */
  readonly osdBytes: number;
  /** Threads that each OSD has for its PGs; absent in clusters of one. */
  readonly shards?: number;
  /** Where large writes of OSDs begin: at multiples of it; absent where that is anywhere. */
  readonly stripeBytes?: number;
  /** The block device of each OSD; absent or null where data are in files of the directory. */
  readonly osdDevices?: readonly (string | null)[];
  readonly createdMs: number;
}

export interface NewClusterFile {
  readonly host: string;
  /** Default `host`. */
  readonly clusterHost?: string;
  readonly port: number;
  readonly osds: number;
  /** Default: what the file system has free, shared among the OSDs. */
  readonly osdBytes?: number;
  /** Default 1. */
  readonly shards?: number;
  /** Default: none. */
  readonly stripeBytes?: number;
  /** As many as there are OSDs. */
  readonly osdDevices?: readonly string[];
  readonly nowMs: number;
}

/** Shards of one OSD at most. */
export const SHARDS_MAX = 16;

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** For journals, metadata stores and the monitor, which stand beside what OSDs hold. */
const BESIDE_BYTES = 64 * MIB;
const OSD_BYTES_MIN = 64 * MIB;

/**
 * An equal part of nine tenths of the free space, in whole GiB or, below one, in whole MiB.
 * @throws CephError ENOSPC
 */
function osdBytesFor(path: string, osds: number, shards: number): number {
  const { bavail, bsize } = statfsSync(path);
  const free = bavail * bsize;
  const beside = shards * BESIDE_BYTES;
  const part = (free * 0.9) / osds - beside;
  if (part < OSD_BYTES_MIN) {
    const need = Math.ceil((osds * (OSD_BYTES_MIN + beside)) / 0.9 / MIB);
    const have = Math.floor(free / MIB);
    throw new CephError('ENOSPC', `${path} has ${have} MiB free; ${osds} OSDs need ${need} MiB`);
  }
  const unit = part >= GIB ? GIB : MIB;
  return Math.floor(part / unit) * unit;
}

/** What may be in a directory whose making was cut short. */
const LEFTOVERS: ReadonlySet<string> = new Set(['cluster.json.new', 'up.pid']);

/** The files of a cluster on one machine. */
export class ClusterDir {
  readonly path: string;
  constructor(path: string) {
    this.path = resolve(path);
  }
  get file(): string {
    return join(this.path, 'cluster.json');
  }
  get conf(): string {
    return join(this.path, 'ceph.conf');
  }
  get logs(): string {
    return join(this.path, 'log');
  }
  log(daemon: string): string {
    return join(this.logs, `${daemon}.log`);
  }
  pid(daemon: string): string {
    return join(this.path, `${daemon}.pid`);
  }
  /** There while the daemon is to stay down. */
  stopped(daemon: string): string {
    return join(this.path, `${daemon}.stopped`);
  }
  data(daemon: string): string {
    return join(this.path, daemon);
  }

  /** @returns undefined when the directory holds no cluster. @throws CephError EINVAL when its file is damaged */
  read(): ClusterFile | undefined {
    if (!existsSync(this.file)) return undefined;
    let v: Partial<ClusterFile> | null;
    try {
      v = JSON.parse(readFileSync(this.file, 'utf8')) as Partial<ClusterFile> | null;
    } catch (cause) {
      throw new CephError('EINVAL', `${this.file} is not readable as JSON`, { cause });
    }
    if (
      v?.format !== 1 ||
      !v.fsid ||
      !v.host ||
      !v.port ||
      !v.osds ||
      !v.osdBytes ||
      !Array.isArray(v.osdUuids) ||
      v.osdUuids.length !== v.osds
    ) {
      throw new CephError('EINVAL', `${this.file} is not of a cluster this release can start`);
    }
    return v as ClusterFile;
  }

  /** @throws CephError ENOENT when the directory holds no cluster, EINVAL when its file is damaged */
  need(): ClusterFile {
    const cluster = this.read();
    if (!cluster) throw new CephError('ENOENT', `${this.path} holds no Sepiola cluster`);
    return cluster;
  }

  /** Makes the directory, which is there and for which `refuseOthers` has nothing to say, a cluster's. */
  create(options: NewClusterFile): ClusterFile {
    const made: ClusterFile = {
      format: 1,
      fsid: randomUUID(),
      host: options.host,
      ...(options.clusterHost ? { clusterHost: options.clusterHost } : {}),
      port: options.port,
      osds: options.osds,
      osdUuids: Array.from({ length: options.osds }, () => randomUUID()),
      osdBytes: options.osdBytes ?? osdBytesFor(this.path, options.osds, options.shards ?? 1),
      ...((options.shards ?? 1) > 1 ? { shards: options.shards } : {}),
      ...(options.stripeBytes ? { stripeBytes: options.stripeBytes } : {}),
      ...(options.osdDevices ? { osdDevices: options.osdDevices } : {}),
      createdMs: options.nowMs,
    };
    this.write(made);
    return made;
  }

  /**
   * Writes `cluster.json`, durably and at once or not at all, and the `ceph.conf` that clients and OSDs read, unless
   * there is one: what its owner has put into it stays.
   */
  write(cluster: ClusterFile): void {
    replaceFile(this.file, `${JSON.stringify(cluster, null, 2)}\n`);
    if (!existsSync(this.conf)) replaceFile(this.conf, confText(cluster));
    mkdirSync(this.logs, { recursive: true });
  }

  /** Removes all that a first start made, when it failed before anything was stored. */
  discard(): void {
    for (const name of readdirSync(this.path)) {
      rmSync(join(this.path, name), { recursive: true, force: true });
    }
  }

  /**
   * Refuses a place for a new cluster that is not empty.
   * @throws CephError ENOTEMPTY, ENOTDIR, or what the system says
   */
  refuseOthers(): void {
    if (!existsSync(this.path)) return;
    if (!statSync(this.path).isDirectory()) {
      throw new CephError('ENOTDIR', `${this.path} is not a directory`);
    }
    if (readdirSync(this.path).every((n) => LEFTOVERS.has(n) || n.startsWith('up.pid.'))) return;
    throw new CephError('ENOTEMPTY', `${this.path} is not empty and holds no Sepiola cluster`);
  }
}

/** Writes a file durably, and at once or not at all. */
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { flush: true });
  renameSync(temporary, path);
  // The name is of the directory. What follows relies on it: an OSD that the monitor was told to forget must not be back.
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The OSDs that there are. */
export function osdIds(cluster: ClusterFile): number[] {
  return cluster.osdUuids.flatMap((uuid, id) => (uuid === '' ? [] : [id]));
}

/** The cluster with an OSD of that id: another one, if there was one. @param device null: data are in files */
export function withOsd(
  cluster: ClusterFile,
  id: number,
  uuid: string,
  device: string | null,
): ClusterFile {
  const osdUuids = [...cluster.osdUuids];
  while (osdUuids.length < id) osdUuids.push('');
  osdUuids[id] = uuid;
  const osdDevices = osdUuids.map((_, n) =>
    n === id ? device : (cluster.osdDevices?.[n] ?? null),
  );
  const devices = osdDevices.some((d) => d !== null) ? { osdDevices } : {};
  const { osdDevices: _, ...rest } = cluster;
  return { ...rest, osds: osdUuids.length, osdUuids, ...devices };
}

/** The cluster without the OSD of that id, which another may get. */
export function withoutOsd(cluster: ClusterFile, id: number): ClusterFile {
  return withOsd(cluster, id, '', null);
}

export const osdPort = (cluster: ClusterFile, id: number): number => cluster.port + 10 + id;
/** Every port a cluster of this size takes from `port` on. */
export function portsOf(port: number, osds: number): number[] {
  return [port, port + 1, ...Array.from({ length: osds }, (_, i) => port + 10 + i)];
}

/** The ceph.conf for clients and tools of this cluster. */
export function confText(cluster: { fsid: string; host: string; port: number }): string {
  return `[global]
fsid = ${cluster.fsid}
mon host = v2:${cluster.host}:${cluster.port}/0
auth cluster required = none
auth service required = none
auth client required = none
`;
}
