import type { OSDMap, PgPool } from '../../maps/index.ts';
import { POOL_OPTION } from '../../maps/index.ts';
import type {
  CompressionAlgorithm,
  CompressionMode,
  CompressionPolicy,
  ObjectStore,
} from '../../store/index.ts';
import type { OsdConfig } from '../front/osd-config.ts';

/** How data of pools is compressed that do not say it themselves: the OSD's options. */
export interface CompressionDefaults {
  readonly mode: string;
  readonly algorithm: string;
  readonly requiredRatio: number;
  readonly minBlobBytes: number;
  readonly maxBlobBytes: number;
}

/** @param isRotational the store lies on a rotating disk */
export function compressionDefaults(config: OsdConfig, isRotational: boolean): CompressionDefaults {
  const option = (name: string) => `bluestore_compression_${name}`;
  const sized = (name: string): number =>
    config.number(option(name)) || config.number(option(`${name}_${isRotational ? 'hdd' : 'ssd'}`));
  const text = (name: string): string => config.get(option(name))?.value ?? '';
  return {
    mode: text('mode'),
    algorithm: text('algorithm'),
    requiredRatio: config.number(option('required_ratio')),
    minBlobBytes: sized('min_blob_size'),
    maxBlobBytes: sized('max_blob_size'),
  };
}

/** The algorithm that does the work of one by that name; undefined for none. */
function algorithmFor(name: string): CompressionAlgorithm | undefined {
  switch (name) {
    case 'none':
    case '':
      return undefined;
    case 'zlib':
    case 'zstd':
      return name;
    default:
      // Of snappy's kind, and there is no snappy here.
      return 'lz4';
  }
}

/** How a pool's data is compressed: what the pool says goes before the OSD's options. */
export function compressionOf(
  pool: PgPool,
  defaults: CompressionDefaults,
): CompressionPolicy | undefined {
  const said = (name: keyof typeof POOL_OPTION) => pool.options.values.get(POOL_OPTION[name].key);
  const word = (name: 'mode' | 'algorithm') =>
    String(said(`compression_${name}`) ?? defaults[name]);
  const bytes = (name: 'min_blob_size' | 'max_blob_size', otherwise: number): number => {
    const value = Number(said(`compression_${name}`) ?? 0);
    return value > 0 ? value : otherwise;
  };
  const algorithm = algorithmFor(word('algorithm'));
  const mode = word('mode') as CompressionMode;
  if (mode === 'none' || !algorithm) return undefined;
  return {
    mode,
    algorithm,
    requiredRatio: Number(said('compression_required_ratio') ?? defaults.requiredRatio),
    minBlobBytes: bytes('min_blob_size', defaults.minBlobBytes),
    maxBlobBytes: bytes('max_blob_size', defaults.maxBlobBytes),
  };
}

/** Tells a store how the pools of a map are compressed, where that has changed. */
export class PoolCompression {
  private readonly store: Pick<ObjectStore, 'setCompression'>;
  private defaults: CompressionDefaults | undefined;
  /** As the store was told last. */
  private pools: ReadonlyMap<number, PgPool> = new Map();

  constructor(store: Pick<ObjectStore, 'setCompression'>) {
    this.store = store;
  }

  update(map: OSDMap, defaults: CompressionDefaults): void {
    const { pools } = map.data;
    if (pools === this.pools && defaults === this.defaults) return;
    for (const [id, pool] of pools) {
      if (defaults === this.defaults && this.pools.get(id) === pool) continue;
      this.store.setCompression(id, compressionOf(pool, defaults));
    }
    for (const id of this.pools.keys())
      if (!pools.has(id)) this.store.setCompression(id, undefined);
    this.pools = pools;
    this.defaults = defaults;
  }
}
