// `npm test`: installs, builds (the process tests run what is built), and runs the tests. Extra words go to vitest.
import { spawnSync } from 'node:child_process';
import { build, install, root } from './prepare.mjs';

install();
build();
const done = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(done.status ?? 1);
