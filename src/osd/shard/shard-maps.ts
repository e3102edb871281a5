import type { OSDMap } from '../../maps/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { StoreOp, Transaction } from '../../store/index.ts';
import { type EntityAddr, sameAddr } from '../../wire/index.ts';
import { lifeOf } from '../map-life.ts';
import type { Partition } from '../partition.ts';
import { putMeta, type Superblock, superEntry } from '../superblock.ts';
import type { Group, PgRegistry } from './pg-registry.ts';
import type { Standing } from './standing.ts';

/** Operations after which what a batch of maps makes of PGs is submitted, when it is much. */
const MAP_OPS_MAX = 256;

/** How far the maps have been followed, and what follows from them beside the PGs. */
type Place = Pick<Superblock, 'newest' | 'untouched'>;

function here({ newest, untouched }: Superblock): Place {
  return { newest, untouched: new Set(untouched) };
}

/** What a shard's maps are joined to. */
export interface ShardMapsScope {
  readonly partition: Partition;
  readonly superblock: Superblock;
  readonly log: Logger;
  readonly standing: Standing;
  readonly pgs: Pick<PgRegistry, 'advance' | 'resume' | 'hasLate'>;
  submit(txn: Transaction): Promise<void>;
  /** A map came. */
  mapChanged(): void;
  /** After the last of those that came together; they need not be durable yet. */
  afterMaps(map: OSDMap): void;
}

/** Takes a shard's PGs through the maps, and keeps in its store how far, together with what became of them. */
export class ShardMaps {
  /** The newest epoch that the store has, and from which its PGs would go on. */
  durableEpoch: number;
  private readonly scope: ShardMapsScope;
  private addr: EntityAddr | undefined;
  /** What the maps of a batch make of the PGs, to become durable with them. */
  private ops: Group[] = [];
  private hasNew = false;
  /** As of the last commit. */
  private atCommit: Place;
  /** As of the last commit at which no PG was late: what the store says as long as some are, so that they go on there. */
  private seenByAll: Place | undefined;

  constructor(scope: ShardMapsScope) {
    this.scope = scope;
    this.durableEpoch = scope.superblock.newest;
    this.atCommit = here(scope.superblock);
  }

  /** See Shard.begin. */
  begin(addr: EntityAddr): void {
    this.addr = addr;
  }

  /** See Shard.advance. */
  advance(map: OSDMap, previous: OSDMap | undefined): void {
    const { standing, superblock, pgs } = this.scope;
    standing.map = map;
    this.scope.mapChanged();
    if (map.epoch <= superblock.newest) {
      if (map.epoch === superblock.newest) pgs.resume(map);
      return;
    }
    if (!this.hasNew) this.atCommit = here(superblock);
    const groups = pgs.advance(map, previous, this.isOurs(map));
    superblock.newest = map.epoch;
    this.seenByAll = pgs.hasLate ? (this.seenByAll ?? this.atCommit) : undefined;
    this.ops.push(...groups);
    this.hasNew = true;
  }

  /** What `durableEpoch` is after the next commit. */
  get seenEpoch(): number {
    return this.seenByAll?.newest ?? this.scope.superblock.newest;
  }

  /** No PG is late any more. Resolves when that is durable. */
  async caughtUp(): Promise<void> {
    this.seenByAll = undefined;
    this.hasNew = true;
    await this.write([]);
  }

  /** See Shard.commitMaps. */
  async commit(frontOps: readonly StoreOp[]): Promise<void> {
    const { standing } = this.scope;
    const durable = this.write(frontOps);
    if (standing.map && standing.phase !== 'stopped') {
      this.lookWhetherUp(standing.map);
      if (standing.phase === 'running') this.scope.afterMaps(standing.map);
    }
    await durable;
  }

  private async write(frontOps: readonly StoreOp[]): Promise<void> {
    const { superblock } = this.scope;
    const { seenEpoch } = this;
    const ops: StoreOp[] = [];
    if (this.hasNew) {
      for (const group of this.ops.splice(0)) {
        ops.push(...group);
        // A crash between finds some PGs ahead of the map, which then pass it without a change.
        if (ops.length >= MAP_OPS_MAX) void this.scope.submit(ops.splice(0));
      }
      ops.push(...frontOps, putMeta([superEntry({ ...superblock, ...this.seenByAll })]));
    }
    this.hasNew = false;
    await this.scope.submit(ops);
    this.durableEpoch = seenEpoch;
  }

  private lookWhetherUp(map: OSDMap): void {
    const { standing, log, partition } = this.scope;
    const isUpNow = this.showsUsUp(map);
    if (isUpNow === standing.isUpNow) return;
    standing.isUpNow = isUpNow;
    const who = partition.count > 1 ? { shard: partition.index } : {};
    log('info', isUpNow ? 'up' : 'down', { epoch: map.epoch, ...who });
  }

  private showsUsUp(map: OSDMap): boolean {
    const { id } = this.scope.standing;
    const mine = map.addrs(id)[0];
    const { addr } = this;
    return map.isUp(id) && mine !== undefined && !!addr && sameAddr(mine, addr);
  }

  /** Whether who the map shows up under our id is, or was, this store. */
  private isOurs(map: OSDMap): boolean {
    const { superblock, standing } = this.scope;
    const upFrom = map.isUp(standing.id) ? lifeOf(map, standing.id).upFrom : 0;
    if (this.showsUsUp(map)) {
      superblock.upFrom = upFrom;
      if (superblock.storeSince === 0) superblock.storeSince = upFrom;
    }
    return upFrom > 0 && upFrom === superblock.upFrom;
  }
}
