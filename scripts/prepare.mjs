// Brings a clone to the point where it runs: installs packages and builds, each only when something changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`sepiola needs Node.js 20.19 or newer; this is ${process.versions.node}`);
  process.exit(1);
}

function run(what, command, args) {
  console.error(`${what} ...`);
  const started = Date.now();
  const done = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`);
    console.error(
      `${what} failed${done.error ? `: ${done.error.message}` : ` (exit ${done.status})`}`,
    );
    process.exit(1);
  }
  console.error(`${what} done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path).update(readFileSync(join(root, path)));
  return hash.digest('hex');
}

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => {
      const path = `${folder}/${e.name}`;
      return e.isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
    });
}

function stampIs(file, value) {
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

export function install() {
  const stamp = join(root, 'node_modules', '.sepiola-installed');
  const wanted = digest(['package.json', 'package-lock.json']);
  if (stampIs(stamp, wanted)) return;
  // Not `npm ci`: it refuses to work when a registry lacks a package for another platform than ours.
  run('installing packages', 'npm', ['install', '--no-save', '--no-audit', '--no-fund']);
  writeFileSync(stamp, wanted);
}

/** The library as modules with their types, and the command as a bundle. */
export function build() {
  const stamp = join(root, 'dist', '.sepiola-built');
  const wanted = digest([
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/bundle.mjs',
    ...sources('src'),
  ]);
  if (stampIs(stamp, wanted)) return;
  run('building', process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.build.json',
  ]);
  run('bundling', process.execPath, ['scripts/bundle.mjs']);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, wanted);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install();
  build();
}
