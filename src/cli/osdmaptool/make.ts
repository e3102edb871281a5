import type { CrushLocation } from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
import {
  newPgPool,
  type OSDMapData,
  PG_AUTOSCALE_MODE,
  type PgPool,
  POOL_FLAG,
  POOL_TYPE,
  simpleOSDMap,
} from '../../maps/index.ts';
import { TIME_ZERO, utimeOfMs } from '../../wire/index.ts';
import type { ToolConfig } from '../tool-config.ts';
import { ToolFailure } from '../tool-io.ts';
import { ME } from './files.ts';
import type { Request } from './request.ts';

/**
 * The map that --createsimple or --create-from-conf asks for. Source: OSDMap::build_simple_optioned, release 16.2.
 * @throws ToolFailure
 */
export function makeMap(r: Request, config: ToolConfig): OSDMapData {
  if (r.createSimple !== undefined && r.createSimple < 1) {
    throw new ToolFailure(`${ME}: osd count must be > 0`);
  }
  const devices =
    r.createSimple === undefined ? devicesOfConf(config) : devicesOfOneHost(r.createSimple);
  const maxOsd = r.createSimple ?? Math.max(0, ...devices.map(({ id }) => id)) + 1;
  try {
    return simpleOSDMap({
      stamp: utimeOfMs(Date.now()),
      maxOsd,
      devices,
      failureDomain: Number(config.value('osd_crush_chooseleaf_type')),
      ...(r.withDefaultPool && { pool: { name: 'rbd', pool: defaultPool(r, maxOsd, config) } }),
    });
  } catch (e) {
    // Ceph's tool leaves a device out that it cannot place, or aborts.
    if (e instanceof CephError) throw new ToolFailure(`${ME}: cannot make the map: ${e.message}`);
    throw e;
  }
}

interface Device {
  readonly id: number;
  readonly loc: CrushLocation;
}

function devicesOfOneHost(count: number): Device[] {
  const loc = { host: 'localhost', rack: 'localrack', root: 'default' };
  return Array.from({ length: count }, (_, id) => ({ id, loc }));
}

/** One device per section `osd.N`, in the order of the sections' names. What `[osd]` says goes before. */
function devicesOfConf(config: ToolConfig): Device[] {
  const common = config.conf.get('osd');
  const idMax = Number(config.value('mon_max_osd'));
  const sections = [...config.conf].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return sections.flatMap(([name, own]) => {
    const id = Number(/^osd\.(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(id)) return [];
    if (id > idMax) {
      throw new ToolFailure(`[${name}] in config has id > mon_max_osd ${idMax}`);
    }
    const said = (key: string): string | undefined => common?.get(key) || own.get(key) || undefined;
    const loc: Record<string, string> = {
      host: said('host') ?? 'unknownhost',
      rack: said('rack') ?? 'unknownrack',
      root: 'default',
    };
    for (const type of ['row', 'room', 'datacenter']) {
      const bucket = said(type);
      if (bucket !== undefined) loc[type] = bucket;
    }
    return [{ id, loc }];
  });
}

function defaultPool(r: Request, maxOsd: number, config: ToolConfig): PgPool {
  const size = Number(config.value('osd_pool_default_size'));
  const minSize = Number(config.value('osd_pool_default_min_size'));
  const pgNum = shifted(maxOsd, r.pgBits);
  const pgpNum = shifted(maxOsd, Math.min(r.pgBits, r.pgpBits));
  const mode = String(config.value('osd_pool_default_pg_autoscale_mode'));
  let flags = Number(config.value('osd_pool_default_flags'));
  for (const name of ['hashpspool', 'nodelete'] as const) {
    if (config.value(`osd_pool_default_flag_${name}`) === true) flags |= POOL_FLAG[name];
  }
  return {
    ...newPgPool({
      type: POOL_TYPE.replicated,
      size,
      minSize: minSize > 0 ? Math.min(minSize, size) : size - Math.floor(size / 2),
      crushRule: 0,
      pgNum,
      createTime: TIME_ZERO,
    }),
    pgpNum,
    pgpNumTarget: pgpNum,
    flags,
    // A pool made by a monitor has these ratios; this one is made without.
    cacheTargetDirtyRatioMicro: 0,
    cacheTargetDirtyHighRatioMicro: 0,
    cacheTargetFullRatioMicro: 0,
    pgAutoscaleMode: Object.entries(PG_AUTOSCALE_MODE).find(([name]) => name === mode)?.[1] ?? 0,
    applicationMetadata: new Map([['rbd', new Map()]]),
  };
}

/** As C shifts a 32-bit number, and never below zero. */
const shifted = (value: number, bits: number): number => (value << bits) >>> 0;
