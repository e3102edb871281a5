import { execFile } from 'node:child_process';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool against the cluster of a ceph.conf. A tool that hangs counts as code 124. */
export function runTool(
  conf: string,
  argv: readonly string[],
  options: { cwd?: string; timeoutMs?: number; input?: string } = {},
): Promise<Outcome> {
  const env = { ...process.env, CEPH_CONF: conf, CEPH_ARGS: '', LC_ALL: 'C.UTF-8' };
  return new Promise((done) => {
    const child = execFile(
      argv[0]!,
      argv.slice(1),
      { env, cwd: options.cwd, timeout: options.timeoutMs ?? 60_000, maxBuffer: 256 << 20 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 124) : 0;
        done({ code, stdout, stderr });
      },
    );
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/** What differs between two clusters of the same kind without meaning: ids, stamps, ports, epochs, durations. */
export function normalize(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d{4}|Z)?/g, '<stamp>')
    .replace(/\[?(v[12]:)?127\.0\.0\.1:\d+(\/\d+)?(,v1:127\.0\.0\.1:\d+(\/\d+)?)?\]?/g, '<addr>')
    .replace(/\b(since|age) \d+(\.\d+)?(s|m|h|ms)?\b/g, '$1 <time>')
    .replace(/\b(epoch|osdmap|version|v|e)( ?)\d+\b/g, '$1$2<n>')
    .replace(/\bpid \d+\b|'\d+'\d+/g, '<n>')
    .replace(/\b\d+'\d+\b/g, "<n>'<n>");
}

/**
 * The shape of a JSON value: keys and kinds of leaves; arrays by their first element. Where `other` has an empty array
 * (no traffic yet, no modules) there is nothing to compare with, and an array is just an array.
 */
export function shape(v: unknown, other: unknown): unknown {
  if (Array.isArray(v)) {
    if (!Array.isArray(other) || v.length === 0 || other.length === 0) return [];
    return [shape(v[0], other[0])];
  }
  if (v !== null && typeof v === 'object') {
    const theirs = (other ?? {}) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, shape(x, theirs[k])]));
  }
  return typeof v;
}
