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
// The terminal sends Ctrl-C to the whole group, others only to us; hearing it twice does the cluster no harm.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
