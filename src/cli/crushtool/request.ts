import type { CrushTestOptions, CrushTunables } from '../../crush/index.ts';

/** A command line of crushtool, read. Where Ceph's tool keeps only the last of several, so does this. */
export interface Request {
  infn: string;
  outfn: string;
  verbose: boolean;
  decompile: boolean;
  /** Text map to compile. */
  compile: string | undefined;
  importJson: string | undefined;
  importXml: string | undefined;
  build: boolean;
  deviceCount: number;
  /** Words that no option took: layers for --build. */
  left: string[];

  tunables: Partial<CrushTunables>;
  /** Whether an option named a tunable, even with a value that changes nothing. */
  hasTunables: boolean;

  reweightItem: { name: string; weight: number };
  removeItem: string;
  /** Id of the device to add or update; negative for none. */
  itemId: number;
  isUpdate: boolean;
  itemWeight: number;
  /** Name of the item or bucket to add: the options share it. */
  addName: string;
  addBucketType: string | undefined;
  move: string | undefined;
  loc: Record<string, string>;
  addRule: boolean;
  removeRule: boolean;
  /** Options for adding and for removing share it. */
  ruleName: string;
  rule: { root: string; type: string; mode: string; deviceClass: string };
  reweight: boolean;
  rebuildClassRoots: boolean;
  /** Bucket to class, in the order of the names. */
  subtreeClasses: Map<string, string>;
  reclassify: boolean;
  reclassifyRoots: Map<string, string>;
  reclassifyBuckets: Map<string, { deviceClass: string; parent: string }>;

  showLocation: number;
  tree: boolean;
  bucketTree: boolean;
  bucketName: string;
  dump: boolean;
  format: string;
  exportJson: string | undefined;
  exportXml: string | undefined;
  check: boolean;
  checkIdLimit: number;
  test: boolean;
  testOptions: { -readonly [K in keyof CrushTestOptions]: CrushTestOptions[K] };
  deviceWeights: Map<number, number>;
  /** An option asked for output of the test. */
  display: boolean;
  outputCsv: boolean;
  outputName: string;
  wantsDataFiles: boolean;
  compare: string;
}

export function emptyRequest(): Request {
  return {
    infn: '',
    outfn: '',
    verbose: false,
    decompile: false,
    compile: undefined,
    importJson: undefined,
    importXml: undefined,
    build: false,
    deviceCount: 0,
    left: [],
    tunables: {},
    hasTunables: false,
    reweightItem: { name: '', weight: 0 },
    removeItem: '',
    itemId: -1,
    isUpdate: false,
    itemWeight: 0,
    addName: '',
    addBucketType: undefined,
    move: undefined,
    loc: {},
    addRule: false,
    removeRule: false,
    ruleName: '',
    rule: { root: '', type: '', mode: '', deviceClass: '' },
    reweight: false,
    rebuildClassRoots: false,
    subtreeClasses: new Map(),
    reclassify: false,
    reclassifyRoots: new Map(),
    reclassifyBuckets: new Map(),
    showLocation: -1,
    tree: false,
    bucketTree: false,
    bucketName: '',
    dump: false,
    format: 'json-pretty',
    exportJson: undefined,
    exportXml: undefined,
    check: false,
    checkIdLimit: -1,
    test: false,
    testOptions: {},
    deviceWeights: new Map(),
    display: false,
    outputCsv: false,
    outputName: '',
    wantsDataFiles: false,
    compare: '',
  };
}

/** Whether anything is asked for. */
export function hasAction(r: Request): boolean {
  return (
    r.check ||
    sourceCount(r) > 0 ||
    r.test ||
    r.reweight ||
    r.hasTunables ||
    r.tree ||
    r.dump ||
    r.exportJson !== undefined ||
    r.exportXml !== undefined ||
    r.itemId >= 0 ||
    r.addBucketType !== undefined ||
    r.move !== undefined ||
    r.addRule ||
    r.removeRule ||
    r.showLocation >= 0 ||
    r.bucketTree ||
    r.reclassify ||
    r.rebuildClassRoots ||
    r.compare !== '' ||
    r.removeItem !== '' ||
    r.reweightItem.name !== ''
  );
}

/** How many of the ways to come by a map are asked for; only one makes sense. Decompiling counts, as in Ceph. */
export function sourceCount(r: Request): number {
  const sources = [r.compile, r.importJson, r.importXml].filter((s) => s !== undefined).length;
  return sources + Number(r.decompile) + Number(r.build);
}
