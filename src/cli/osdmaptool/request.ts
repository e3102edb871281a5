/** How a map or a tree is shown: text, or JSON in one line or many. */
export type ShowFormat = 'plain' | 'json' | 'json-pretty';

/** A command line of osdmaptool, read. */
export interface Request {
  /** Words that no option took: the map's file, or a mistake. */
  left: string[];
  print: ShowFormat | undefined;
  tree: ShowFormat | undefined;
  health: boolean;
  exportCrush: string;
  importCrush: string;

  /** OSDs of the map to make; undefined without --createsimple. */
  createSimple: number | undefined;
  createFromConf: boolean;
  withDefaultPool: boolean;
  pgBits: number;
  pgpBits: number;
  clobber: boolean;

  markUpIn: boolean;
  markOut: number | undefined;
  markUp: number | undefined;
  markIn: number | undefined;
  /** As given: `0:1.5,3:0`. */
  crushWeights: string;
  clearTemp: boolean;
  cleanTemps: boolean;
  save: boolean;

  upmapCleanup: boolean;
  upmap: boolean;
  upmapFile: string;
  upmapMax: number;
  upmapDeviation: number;
  upmapPools: Set<string>;
  upmapActive: boolean;

  testMapPg: string;
  testMapObject: string;
  testMapPgs: boolean;
  testMapPgsDump: boolean;
  testMapPgsDumpAll: boolean;
  testRandom: boolean;
  testCrush: boolean;
  /** -1: all pools, or pool 1 for an object. */
  pool: number;
  /** 0 or less: what the pools have. */
  pgNum: number;
  rangeFirst: number;
  rangeLast: number;
}

export function emptyRequest(): Request {
  return {
    left: [],
    print: undefined,
    tree: undefined,
    health: false,
    exportCrush: '',
    importCrush: '',
    createSimple: undefined,
    createFromConf: false,
    withDefaultPool: false,
    pgBits: 6,
    pgpBits: 6,
    clobber: false,
    markUpIn: false,
    markOut: undefined,
    markUp: undefined,
    markIn: undefined,
    crushWeights: '',
    clearTemp: false,
    cleanTemps: false,
    save: false,
    upmapCleanup: false,
    upmap: false,
    upmapFile: '-',
    upmapMax: 10,
    upmapDeviation: 5,
    upmapPools: new Set(),
    upmapActive: false,
    testMapPg: '',
    testMapObject: '',
    testMapPgs: false,
    testMapPgsDump: false,
    testMapPgsDumpAll: false,
    testRandom: false,
    testCrush: false,
    pool: -1,
    pgNum: -1,
    rangeFirst: -1,
    rangeLast: -1,
  };
}

/** Whether anything is asked for besides changes in memory. */
export function hasAction(r: Request): boolean {
  return (
    r.print !== undefined ||
    r.tree !== undefined ||
    r.health ||
    r.upmap ||
    r.upmapCleanup ||
    r.testMapPgs ||
    r.testMapPgsDump ||
    r.testMapPgsDumpAll ||
    [r.exportCrush, r.importCrush, r.testMapPg, r.testMapObject, r.crushWeights].some((v) => v)
  );
}
