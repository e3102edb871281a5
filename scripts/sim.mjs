/**
 * `npm run sim`: bundles the simulation and runs it. That takes a tenth less time than its sources do, and a campaign of
 * many hours stays what it was in the beginning, whatever becomes of the sources meanwhile.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { root } from './prepare.mjs';

const cache = join(root, 'node_modules/.cache');
mkdirSync(cache, { recursive: true });
// A place of its own for each run, beside the packages that it loads.
const dir = mkdtempSync(join(cache, 'sim-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const bundle = await rolldown({
  cwd: root,
  input: { main: 'sim/main.ts', worker: 'sim/worker.ts' },
  platform: 'node',
  external: Object.keys(dependencies),
  transform: { target: 'es2023' }, // as tsconfig.json says
  treeshake: { moduleSideEffects: false },
});
await bundle.write({
  dir,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
});
await bundle.close();

process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(dir, 'main.js')).href);
