/**
 * Bundles the `sepiola` command from its sources into dist/cli: a few files, each loaded when a command needs it. A
 * daemon read from its 200 modules takes twice the CPU to start, and more memory (docs/benchmarks.md).
 *
 * All lie flat beside main.js, so that `new URL('./x.js', import.meta.url)` means the same in them as in a source.
 * Run: node scripts/bundle.mjs [OUTPUT]   (default dist/cli)
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dir = process.argv[2] ? resolve(process.argv[2]) : resolve(root, 'dist/cli');
const { dependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));

const bundle = await rolldown({
  cwd: root,
  // Threads begin at a file of their own.
  input: { main: 'src/cli/main.ts', 'shard-thread': 'src/cluster/shard-thread.ts' },
  platform: 'node',
  external: Object.keys(dependencies),
  transform: { target: 'es2023' }, // as tsconfig.json says
  // What nobody asks for is left out: no module of ours is there for what it does when it is loaded.
  treeshake: { moduleSideEffects: false },
});
const { output } = await bundle.write({
  dir,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
});
await bundle.close();

// Only what was built is left, and what was there stays when nothing could be built.
const made = new Set(output.map((file) => file.fileName));
for (const name of readdirSync(dir)) {
  if (!made.has(name)) rmSync(resolve(dir, name), { recursive: true });
}
