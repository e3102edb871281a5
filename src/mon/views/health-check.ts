export type HealthSeverity = 'HEALTH_OK' | 'HEALTH_WARN' | 'HEALTH_ERR';

/** One thing that is wrong. `summary` is one line; `count` is how many things it speaks of. */
export interface HealthCheck {
  readonly code: string;
  readonly severity: HealthSeverity;
  readonly summary: string;
  readonly count: number;
  readonly detail: readonly string[];
}

export function warning(
  code: string,
  summary: string,
  count: number,
  detail: readonly string[] = [],
): HealthCheck {
  return { code, severity: 'HEALTH_WARN', summary, count, detail };
}
export function failure(
  code: string,
  summary: string,
  count: number,
  detail: readonly string[] = [],
): HealthCheck {
  return { code, severity: 'HEALTH_ERR', summary, count, detail };
}
