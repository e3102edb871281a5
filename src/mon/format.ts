/**
 * A value as Ceph's formatter prints it: `json` without spaces, `json-pretty` with four. Keys keep their order.
 * Whether a newline or an empty line goes around it differs per command, so that is the caller's.
 */
export function formatJson(format: string, value: unknown): string {
  return format === 'json-pretty' ? JSON.stringify(value, null, 4) : JSON.stringify(value);
}
