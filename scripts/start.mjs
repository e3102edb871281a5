// `npm start`: installs, builds, and runs a cluster in the foreground. Extra words go to `sepiola up`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';

install();
build();
const words = process.argv.slice(2);
const dir =
  words[0] !== undefined && !words[0].startsWith('-') ? words.shift() : join(root, 'sepiola-data');
const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), 'up', dir, ...words], {
  stdio: 'inherit',
});
// The terminal sends Ctrl-C to the whole group: the cluster stops by itself and this script waits for it.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
