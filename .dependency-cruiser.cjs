/**
 * The tree is the architecture (docs/design.md): a folder under src/ imports only folders above it in this list, and
 * only through their index.ts. test/layers.test.ts proves with a known-bad fixture that these rules are awake.
 */
const LAYERS = [
  'errors',
  'codec',
  'runtime',
  'config',
  'metrics',
  'log',
  'crush',
  'wire',
  'maps',
  'balancer',
  'auth',
  'msgr',
  'store',
  'rados',
  'mon',
  'osd',
  'runtime-node',
  'client',
  'cluster',
  'cli',
];
/** Folders that may name node: modules and packages. The rest reach the world through the ports of src/runtime. */
const EDGE = ['runtime-node', 'client', 'cluster', 'cli'];
const root = process.env.SEPIOLA_LAYERS_ROOT ?? 'src';

const upwards = LAYERS.map((layer, i) => ({
  name: `layer-${layer}`,
  comment: `${layer} may import only folders above it in the list of layers`,
  severity: 'error',
  from: { path: `^${root}/${layer}/` },
  to: {
    path: `^${root}/`,
    pathNot: `^${root}/(${LAYERS.slice(0, i + 1).join('|')})/`,
  },
}));

module.exports = {
  forbidden: [
    ...upwards,
    {
      name: 'listed',
      comment: 'every folder stands in the list of layers',
      severity: 'error',
      from: { path: `^${root}/`, pathNot: `^${root}/(${LAYERS.join('|')})/` },
      to: {},
    },
    {
      name: 'front-door',
      comment: 'another folder is reached only through its index.ts',
      severity: 'error',
      from: { path: `^${root}/([^/]+)/` },
      to: { path: `^${root}/([^/]+)/`, pathNot: [`^${root}/$1/`, `^${root}/[^/]+/index\\.ts$`] },
    },
    {
      name: 'sim-front-door',
      comment: 'the simulation stands beside src/ and reaches its folders through their index.ts',
      severity: 'error',
      from: { path: '^sim/' },
      to: { path: '^src/', pathNot: ['^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      from: { path: `^${root}/` },
      to: { circular: true },
    },
    {
      name: 'ports-only',
      comment: 'core code reaches time, chance, network and disk through src/runtime',
      severity: 'error',
      from: { path: `^${root}/`, pathNot: `^${root}/(${EDGE.join('|')})/` },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
