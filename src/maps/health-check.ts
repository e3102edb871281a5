import { ascending, type Json } from '../codec/index.ts';

/** As `ceph health` prints them; OK is for what is told without worry. */
export type HealthSeverity = 'HEALTH_OK' | 'HEALTH_WARN' | 'HEALTH_ERR';

/** One thing that is wrong. `summary` is one line; `count` is how many things it speaks of. */
export interface HealthCheck {
  readonly code: string;
  readonly severity: HealthSeverity;
  readonly summary: string;
  readonly count: number;
  readonly detail: readonly string[];
}

/** A check that a person should look at some day. */
export function warning(
  code: string,
  summary: string,
  count: number,
  detail: readonly string[] = [],
): HealthCheck {
  return { code, severity: 'HEALTH_WARN', summary, count, detail };
}
/** A check that keeps clients waiting, or will. */
export function failure(
  code: string,
  summary: string,
  count: number,
  detail: readonly string[] = [],
): HealthCheck {
  return { code, severity: 'HEALTH_ERR', summary, count, detail };
}

/** Checks as `ceph health` and `osdmaptool --health` dump them: by code, in the order of the codes. */
export function healthChecksJson(checks: readonly HealthCheck[]): ReadonlyMap<string, Json> {
  const sorted = [...checks].sort((a, b) => ascending(a.code, b.code));
  return new Map(
    sorted.map(({ code, severity, summary, count, detail }) => [
      code,
      {
        severity,
        summary: { message: summary, count },
        detail: detail.map((message) => ({ message })),
      },
    ]),
  );
}
