import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../client/index.ts';
import { CephError } from '../errors/index.ts';
import type { Monitor } from '../mon/index.ts';
import type { Rados } from '../rados/index.ts';
import type { ClusterMon } from './cluster-mon.ts';
import { ClusterOsd, type OsdParts } from './cluster-osd.ts';
import { ClusterFaults } from './faults/cluster-faults.ts';
import type { Faults } from './faults/faults.ts';
import type { Links } from './faults/links.ts';
import { confText } from './layout.ts';
import { FaultyHome, type OsdHome } from './osd-home.ts';
import { awaitSpareCopies } from './spare-copies.ts';

/** What OSDs get from their cluster. */
type OfCluster = 'awaitSpareCopies' | 'renew' | 'forget';

/** What a cluster is made of. */
export interface ClusterParts {
  readonly fsid: string;
  readonly host: string;
  readonly mon: ClusterMon;
  /** What an OSD is made of, but for what the cluster gives it. @param uuid names its data; absent: it has a name */
  plan(id: number, uuid: string | undefined): Omit<OsdParts, OfCluster>;
  /** Absent in a cluster without faults. */
  readonly links: Links | undefined;
}

/** A cluster inside this process, on loopback ports that the system chose. */
export class Cluster implements AsyncDisposable {
  readonly fsid: string;
  private readonly parts: ClusterParts;
  private readonly byId = new Map<number, ClusterOsd>();
  private readonly homes = new Map<number, OsdHome>();
  private readonly clients = new Set<Rados>();
  private readonly faultsMade: Faults | undefined;
  private own: Promise<Rados> | undefined;
  private confDir: string | undefined;
  private readonly closing = new AbortController();

  /** @internal Use {@link startCluster}. */
  constructor(parts: ClusterParts) {
    this.parts = parts;
    this.fsid = parts.fsid;
    const { links } = parts;
    this.faultsMade =
      links &&
      new ClusterFaults({
        links,
        monitor: parts.mon,
        osd: (id) => this.osd(id),
        home: (id) => {
          const home = this.osd(id) && this.homes.get(id);
          if (!(home instanceof FaultyHome)) throw new CephError('ENOENT', `no osd.${id}`);
          return home;
        },
      });
  }

  /** Monitor's port on 127.0.0.1. */
  get port(): number {
    return this.parts.mon.port;
  }
  /** @throws CephError ENOTCONN while it is dead */
  get monitor(): Monitor {
    return this.parts.mon.running;
  }
  /** All OSDs, running or not, by id. */
  get osds(): readonly ClusterOsd[] {
    return [...this.byId.values()].sort((a, b) => a.id - b.id);
  }
  /** @throws CephError ENOENT */
  osd(id: number): ClusterOsd {
    const osd = this.byId.get(id);
    if (!osd) throw new CephError('ENOENT', `no osd.${id}`);
    return osd;
  }

  /** What can happen to this cluster. @throws CephError EINVAL unless it was started with `faults: true` */
  get faults(): Faults {
    if (this.faultsMade) return this.faultsMade;
    throw new CephError('EINVAL', 'faults happen to a cluster started with `faults: true`');
  }

  /** For `connect({ monHost })` and for a ceph.conf. */
  get monHost(): string {
    return `v2:${this.parts.host}:${this.port}`;
  }

  /** A client of this cluster; it is closed with the cluster. @throws CephError ESHUTDOWN when that is closed before */
  async connect(): Promise<Rados> {
    const client = await connect({ monHost: this.monHost, signal: this.closing.signal });
    this.clients.add(client);
    return client;
  }

  /**
   * Adds an empty OSD and starts it. Resolves when the cluster's map shows it up; data move to it from then on.
   * @throws CephError what the monitor refused it with
   */
  async addOsd(): Promise<ClusterOsd> {
    const uuid = randomUUID();
    const id = await this.newId(uuid);
    const osd = this.plan(id, uuid);
    await osd.start();
    return osd;
  }

  /** An OSD that the map has. @internal */
  plan(id: number, uuid?: string): ClusterOsd {
    const parts = this.parts.plan(id, uuid);
    const osd = new ClusterOsd({
      ...parts,
      awaitSpareCopies: (of, timeoutMs) =>
        awaitSpareCopies((words) => this.command(words), of, timeoutMs),
      renew: async (of) => {
        const name = randomUUID();
        await this.command({ prefix: 'osd down', ids: [String(of)] });
        await this.command({ prefix: 'osd destroy', id: of, yes_i_really_mean_it: true });
        await this.newId(name, of);
        return name;
      },
      forget: async (of) => {
        await this.command({ prefix: 'osd down', ids: [String(of)] });
        await this.command({ prefix: 'osd purge', id: of, yes_i_really_mean_it: true });
        this.byId.delete(of);
        this.homes.delete(of);
      },
    });
    this.byId.set(id, osd);
    this.homes.set(id, parts.home);
    return osd;
  }

  /** Writes a ceph.conf for Ceph's own tools, into a temporary directory unless a path is given. @returns its path */
  async writeConf(path?: string): Promise<string> {
    this.confDir ??= path === undefined ? mkdtempSync(join(tmpdir(), 'sepiola-')) : undefined;
    const file = path ?? join(this.confDir!, 'ceph.conf');
    const { fsid, port } = this;
    writeFileSync(file, confText({ fsid, host: this.parts.host, port }));
    return file;
  }

  async close(): Promise<void> {
    this.closing.abort(new CephError('ESHUTDOWN', 'the cluster was closed'));
    // Nobody is kept from saying goodbye.
    this.faultsMade?.heal();
    for (const client of this.clients) await client.close();
    await Promise.all(this.osds.map((osd) => osd.stop()));
    await this.parts.mon.kill();
    if (this.confDir) rmSync(this.confDir, { recursive: true, force: true });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async newId(uuid: string, id?: number): Promise<number> {
    const words = id === undefined ? {} : { id };
    const text = await this.command({ prefix: 'osd new', uuid, ...words, format: 'json' });
    return (JSON.parse(text) as { osdid: number }).osdid;
  }

  private async command(words: Parameters<Rados['command']>[0]): Promise<string> {
    this.own ??= this.connect().catch((e: unknown) => {
      this.own = undefined; // or nobody would look for the monitor again
      throw e;
    });
    const { output } = await (await this.own).command(words);
    return output.toString();
  }
}
