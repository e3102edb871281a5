import { spawnSync } from 'node:child_process';

/**
 * Why tests with real tools cannot run here; undefined when they can. In CI (SEPIOLA_REQUIRE_INTEROP=1) a missing tool
 * is a failure, not a skip.
 */
export function interopSkip(missing: string | undefined): string | undefined {
  if (missing && process.env.SEPIOLA_REQUIRE_INTEROP === '1') throw new Error(missing);
  return missing;
}

/** As {@link interopSkip}, for programs on the PATH. */
export function toolsMissing(...tools: string[]): string | undefined {
  const missing = tools.filter(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  return interopSkip(missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined);
}
