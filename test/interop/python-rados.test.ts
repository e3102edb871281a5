// Debian's python3-rados on Sepiola: the same answers as on a real Ceph, and a plain refusal where there is no support.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startCluster } from '../../src/cluster/index.ts';
import { runTool } from '../support/differential.ts';
import { interopSkip } from '../support/interop.ts';

// Debian's own interpreter, for which its modules are built.
const PYTHON = '/usr/bin/python3';
const missing = interopSkip(
  spawnSync(PYTHON, ['-c', 'import rados'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'not installed: python3-rados',
);

/** Snapshots, watches and object classes: refused with EOPNOTSUPP, where a real Ceph does them. */
const UNSUPPORTED = /^(self-managed snap|snap|watch|lock|execute|notify): .*$/;

describe.skipIf(missing)(`python3-rados${missing ? ` (${missing})` : ''}`, () => {
  test('gives the answers it gives on Ceph 16.2', async () => {
    const golden = join(import.meta.dirname, '../golden/python-rados/answers.txt');
    const expected = readFileSync(golden, 'utf8')
      .split('\n')
      .map((line) => line.replace(UNSUPPORTED, "$1: 'OSError errno 95'"));
    await using cluster = await startCluster();
    const script = join(import.meta.dirname, 'python-rados.py');
    const argv = [PYTHON, script, await cluster.writeConf(), 'python'];
    const { code, stdout, stderr } = await runTool('', argv);
    expect({ code, stderr, lines: stdout.split('\n') }).toEqual({
      code: 0,
      stderr: '',
      lines: expected,
    });
  });
});
