import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { crushtool } from '../../src/cli/crushtool/index.ts';
import { type CrushMap, decodeCrushMap, encodeCrushMap } from '../../src/crush/index.ts';
import { differences, withoutInnerNodes } from './crush-maps.ts';

/** One command line run by crushtool, or by our command in this process. */
export interface ToolRun {
  status: number;
  stdout: string;
  stderr: string;
  /** The map it wrote, if it did. */
  bytes: Uint8Array | undefined;
}

/**
 * Runs Ceph's crushtool, which writes to `outFile`.
 * @returns undefined when it dies of a failed assertion, of memory it corrupted, or hangs dying
 */
export function runReference(words: string[], outFile: string): ToolRun | undefined {
  rmSync(outFile, { force: true });
  const { status, stdout, stderr } = spawnSync('crushtool', [...words, '-o', outFile], {
    encoding: 'utf8',
    // Its log would come between the lines of its output, at any place.
    env: { ...process.env, CEPH_ARGS: '--debug-crush=0/0' },
    timeout: 1000,
    killSignal: 'SIGKILL',
  });
  if (status === null) return undefined;
  return { status, stdout, stderr, bytes: existsSync(outFile) ? readFileSync(outFile) : undefined };
}

/** Runs our command. */
export async function runOurs(words: string[], outFile: string): Promise<ToolRun> {
  rmSync(outFile, { force: true });
  const io = collectingIo();
  const status = await crushtool.run([...words, '-o', outFile], io);
  const bytes = existsSync(outFile) ? readFileSync(outFile) : undefined;
  return { status, stdout: io.stdout(), stderr: io.stderr(), bytes };
}

/** Streams that keep what is written. */
function collectingIo() {
  let stdout = '';
  let stderr = '';
  return {
    out: (text: string | Uint8Array) => {
      stdout += typeof text === 'string' ? text : Buffer.from(text).toString();
    },
    err: (text: string) => {
      stderr += text;
    },
    isOutClosed: false,
    stdin: () => new Uint8Array(),
    isStdinTerminal: false,
    flush: () => {},
    stdout: () => stdout,
    stderr: () => stderr,
  };
}

/**
 * What two runs did differently: exit status, streams, or the map they wrote. Maps are compared as Ceph reads them back,
 * since it writes weight sets of buckets that have no use for them.
 */
export function differenceOf(ours: ToolRun, theirs: ToolRun): string | undefined {
  for (const key of ['status', 'stderr'] as const) {
    if (ours[key] !== theirs[key]) return `${key}: ours ${ours[key]}\ncrushtool's ${theirs[key]}`;
  }
  if (ours.stdout !== theirs.stdout) {
    const lines = theirs.stdout.split('\n');
    const at = ours.stdout.split('\n').findIndex((line, i) => line !== lines[i]);
    return `line ${at + 1}: ours ${ours.stdout.split('\n')[at]}\ncrushtool's ${lines[at]}`;
  }
  if (!ours.bytes || !theirs.bytes) {
    return ours.bytes || theirs.bytes ? 'only one of the two wrote a map' : undefined;
  }
  const [a, b] = [ours.bytes, theirs.bytes].map((bytes) =>
    withoutInnerNodes(decodeCrushMap(bytes)),
  ) as [CrushMap, CrushMap];
  const parts = differences(a, b);
  if (parts.length > 0) return `maps differ in ${parts}`;
  return encodeCrushMap(a).equals(encodeCrushMap(b)) ? undefined : 'maps differ in their bytes';
}
