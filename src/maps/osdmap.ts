import { type Crc32c, Decoder, crc32c as portableCrc32c } from '../codec/index.ts';
import { type CrushMap, CrushMapper, decodeCrushMap, strHashRjenkins } from '../crush/index.ts';
import type { EntityAddr, PgId } from '../wire/index.ts';
import { applyToData } from './apply.ts';
import type { Incremental } from './incremental.ts';
import { decodeOSDMap, encodeOSDMap, OSD_STATE, type OSDMapData } from './osdmap-data.ts';
import { stableMod } from './pg-seed.ts';
import { NOWHERE, Placement, placesAlike, spreadsAlike, type UpActing } from './placement.ts';
import type { PgPool } from './pool.ts';
import { holds, mapPgs, type PoolMapping, upActingOf } from './pool-mapping.ts';

/** A CRUSH map's bytes and what is made of them on demand; epochs that share the map share this. */
class Crush {
  readonly bytes: Uint8Array;
  private decoded: CrushMap | undefined;
  private compiled: CrushMapper | undefined;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get map(): CrushMap {
    this.decoded ??= decodeCrushMap(this.bytes);
    return this.decoded;
  }
  get mapper(): CrushMapper {
    this.compiled ??= new CrushMapper(this.map);
    return this.compiled;
  }
}

/** Where an object belongs. */
export interface ObjectPlace {
  /** The full hash of its name. */
  readonly hash: number;
  readonly pgid: PgId;
}

/**
 * One epoch of the cluster's map. Immutable: {@link applyIncremental} gives a new one that shares what did not change,
 * so holders of an epoch need no lock and no copy. Placements are computed once per PG and kept.
 */
export class OSDMap {
  readonly data: OSDMapData;
  private readonly crush: Crush;
  private readonly crc32c: Crc32c;
  private checksum: number | undefined;
  private placement: Placement | undefined;
  /** By pool and seed. Shared with the previous epoch when it places everything alike. */
  private readonly places: Map<number, Map<number, UpActing>>;
  /** By pool. Shared likewise. */
  private readonly mappings: Map<number, PoolMapping>;
  /** PGs of an OSD, of those that someone wanted. Shared likewise. */
  private readonly pgsByOsd: Map<number, { isWanted: (pg: PgId) => boolean; pgs: PgId[] }>;

  constructor(data: OSDMapData, crc32c: Crc32c = portableCrc32c, previous?: OSDMap) {
    this.data = data;
    this.crc32c = crc32c;
    const same = previous !== undefined && previous.data.crush === data.crush;
    this.crush = same ? previous.crush : new Crush(data.crush);
    const alike = previous && placesAlike(previous.data, data) ? previous : undefined;
    this.places = alike?.places ?? new Map();
    this.mappings = alike?.mappings ?? new Map();
    this.pgsByOsd = alike?.pgsByOsd ?? this.keptFrom(previous);
  }

  /**
   * Decodes a full map that fills the input. The map reads windows of the input as long as it lives. What a well-formed
   * map asks for is not judged: a CRUSH map may still demand absurdly many tries, which `checkCrushMap` tells before a
   * monitor takes it.
   * @param before another map of the cluster: what was made of its CRUSH map is used again if that is the same
   * @throws DecodeError, also for a wrong checksum or a CRUSH map that does not decode
   */
  static decode(bytes: Uint8Array, crc32c: Crc32c = portableCrc32c, before?: OSDMap): OSDMap {
    const d = new Decoder(bytes);
    const { data, crc } = decodeOSDMap(d, crc32c);
    d.finish();
    if (before && Buffer.compare(before.data.crush, data.crush) === 0) {
      data.crush = before.data.crush;
    }
    const map = new OSDMap(data, crc32c, before);
    map.checksum = crc;
    void map.crushMap; // so that malformed bytes show here and not in the middle of a mapping
    return map;
  }

  /** The full map's bytes, with its checksum, for a peer of these features. */
  encode(features?: bigint): Buffer {
    const { bytes, crc } = encodeOSDMap(this.data, this.crc32c, features);
    if (features === undefined) this.checksum = crc;
    return bytes;
  }

  /** The checksum of the full map in its standard encoding. */
  get crc(): number {
    if (this.checksum === undefined) this.encode();
    return this.checksum!;
  }

  /**
   * The next epoch's map.
   * @throws DecodeError when the change is not for the next epoch of this cluster or does not fit the map
   */
  applyIncremental(inc: Incremental): OSDMap {
    if (inc.fullmap.length > 0) return OSDMap.decode(Buffer.from(inc.fullmap), this.crc32c, this);
    const next = new OSDMap(applyToData(this.data, inc), this.crc32c, this);
    void next.crushMap;
    return next;
  }

  get epoch(): number {
    return this.data.epoch;
  }
  get fsid(): string {
    return this.data.fsid;
  }
  /** The decoded CRUSH map; not to be changed. */
  get crushMap(): CrushMap {
    return this.crush.map;
  }
  get crushMapper(): CrushMapper {
    return this.crush.mapper;
  }
  /** Is the bit of OSDMAP_FLAG set? */
  hasFlag(bit: number): boolean {
    return (this.data.flags & bit) !== 0;
  }

  private state(osd: number): number {
    return this.data.osdState[osd] ?? 0;
  }
  exists(osd: number): boolean {
    return (this.state(osd) & OSD_STATE.exists) !== 0;
  }
  isUp(osd: number): boolean {
    const both = OSD_STATE.exists | OSD_STATE.up;
    return (this.state(osd) & both) === both;
  }
  /** Has a weight, so data may be placed on it. */
  isIn(osd: number): boolean {
    return this.exists(osd) && this.data.osdWeight[osd] !== 0;
  }
  /** Ids of all OSDs that exist, ascending. */
  osds(): number[] {
    const out: number[] = [];
    for (let osd = 0; osd < this.data.maxOsd; osd++) if (this.exists(osd)) out.push(osd);
    return out;
  }
  /** Addresses for clients; empty for an OSD that never was up. */
  addrs(osd: number): readonly EntityAddr[] {
    return this.data.clientAddrs.at(osd) ?? [];
  }
  clusterAddrs(osd: number): readonly EntityAddr[] {
    return this.data.clusterAddrs.at(osd) ?? [];
  }
  hbBackAddrs(osd: number): readonly EntityAddr[] {
    return this.data.hbBackAddrs.at(osd) ?? [];
  }
  hbFrontAddrs(osd: number): readonly EntityAddr[] {
    return this.data.hbFrontAddrs.at(osd) ?? [];
  }
  /**
   * Is this client blocked, by itself or with its whole host (an entry with port and nonce 0)? Entries carry the
   * address type `any`. Source: OSDMap::is_blocklisted, release 16.2.
   */
  isBlocklisted(addr: EntityAddr): boolean {
    return this.data.blocklist.some(
      ([{ host, port, nonce }]) =>
        host === addr.host &&
        ((port === addr.port && nonce === addr.nonce) || (port === 0 && nonce === 0)),
    );
  }

  pool(id: number): PgPool | undefined {
    return this.data.pools.get(id);
  }
  poolName(id: number): string | undefined {
    return this.data.poolNames.get(id);
  }
  poolByName(name: string): { id: number; pool: PgPool } | undefined {
    for (const [id, known] of this.data.poolNames) {
      const pool = known === name ? this.data.pools.get(id) : undefined;
      if (pool) return { id, pool };
    }
    return undefined;
  }

  /**
   * The PG of an object. Source: pg_pool_t::hash_key, src/osd/osd_types.cc, release 16.2. Strings are byte strings.
   * @param key the locator key if the client set one, else ''
   * @param namespace when not empty, hashed before the key with a 0x1f byte between
   * @returns undefined when the pool does not exist
   */
  locate(poolId: number, name: string, key = '', namespace = ''): ObjectPlace | undefined {
    const object = key === '' ? name : key;
    const hash = strHashRjenkins(namespace === '' ? object : `${namespace}\x1f${object}`);
    const pgid = this.rawPgToPg(poolId, hash);
    return pgid && { hash, pgid };
  }

  /** The PG in which a full hash falls; undefined when the pool does not exist. */
  rawPgToPg(poolId: number, hash: number): PgId | undefined {
    const pool = this.pool(poolId);
    return pool && { pool: poolId, seed: stableMod(hash, pool.pgNum) };
  }

  private get placer(): Placement {
    this.placement ??= new Placement(this.data, this.crush.map, this.crush.mapper);
    return this.placement;
  }

  /** What CRUSH alone chooses for a PG. */
  pgToRaw(pgid: PgId): number[] {
    return this.placer.rawOsds(pgid);
  }

  /** Where a PG lives: computed once, the result is shared. Nowhere for a PG that does not exist. */
  pgToUpActing(pgid: PgId): UpActing {
    let seeds = this.places.get(pgid.pool);
    const known = seeds?.get(pgid.seed);
    if (known) return known;
    const pool = this.pool(pgid.pool);
    if (!pool || pgid.seed >= pool.pgNum) return NOWHERE;
    if (!seeds) {
      seeds = new Map();
      this.places.set(pgid.pool, seeds);
    }
    const whole = this.mappings.get(pgid.pool);
    const place = whole ? upActingOf(whole, pgid.seed) : this.placer.locate(pgid);
    seeds.set(pgid.seed, place);
    return place;
  }

  /**
   * Where all PGs of a pool live: for who asks about most of them, since it costs less than asking for each. Computed
   * once, the result is shared; undefined when the pool does not exist.
   */
  poolMapping(poolId: number): PoolMapping | undefined {
    const known = this.mappings.get(poolId);
    const pool = this.pool(poolId);
    if (known || !pool) return known;
    const mapping = mapPgs(this.placer.pool(poolId)!, poolId, pool.pgNum);
    this.mappings.set(poolId, mapping);
    return mapping;
  }

  hasPg({ pool, seed }: PgId): boolean {
    return seed < (this.pool(pool)?.pgNum ?? 0);
  }

  /** Every PG of every pool, by pool and seed. */
  *pgs(): Generator<PgId> {
    for (const [id, pool] of [...this.data.pools].sort((a, b) => a[0] - b[0])) {
      for (let seed = 0; seed < pool.pgNum; seed++) yield { pool: id, seed };
    }
  }

  /**
   * PGs that have this OSD in up or acting, by pool and seed. Computed once, the result is shared.
   * @param isWanted of which PGs; the others cost nothing. Given the same function, epochs that place alike share the
   *   result
   */
  pgsOfOsd(osd: number, isWanted: (pg: PgId) => boolean = always): readonly PgId[] {
    const known = this.pgsByOsd.get(osd);
    if (known?.isWanted === isWanted) return known.pgs;
    const pgs: PgId[] = [];
    for (const pool of [...this.data.pools.keys()].sort((a, b) => a - b)) {
      const holdsOsd = this.holderOf(pool, osd, isWanted !== always);
      const { pgNum } = this.pool(pool)!;
      for (let seed = 0; seed < pgNum; seed++) {
        const pg = { pool, seed };
        if (isWanted(pg) && holdsOsd(seed)) pgs.push(pg);
      }
    }
    this.pgsByOsd.set(osd, { isWanted, pgs });
    return pgs;
  }

  /** What {@link pgsOfOsd} found for the map before, and what holds still. */
  private keptFrom(previous: OSDMap | undefined): OSDMap['pgsByOsd'] {
    if (!previous || !spreadsAlike(previous.data, this.data)) return new Map();
    const same = ([osd]: [number, unknown]): boolean =>
      previous.isUp(osd) === this.isUp(osd) && previous.exists(osd) === this.exists(osd);
    return new Map([...previous.pgsByOsd].filter(same));
  }

  /** Tells whether a PG of the pool has the OSD. @param isPart not all PGs will be asked about */
  private holderOf(poolId: number, osd: number, isPart: boolean): (seed: number) => boolean {
    const mapping = this.mappings.get(poolId) ?? (isPart ? undefined : this.poolMapping(poolId)!);
    if (mapping) return (seed) => holds(mapping, seed, osd);
    const placement = this.placer.pool(poolId)!;
    const places = this.places.get(poolId);
    return (seed) => {
      const known = places?.get(seed);
      if (known) return known.up.includes(osd) || known.acting.includes(osd);
      placement.place(seed);
      return placement.up.indexOf(osd) >= 0 || placement.acting.indexOf(osd) >= 0;
    };
  }
}

const always = (): boolean => true;
