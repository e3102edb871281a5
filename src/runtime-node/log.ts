import type { Logger, LogLevel } from '../runtime/index.ts';

const RANK: Record<LogLevel, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/**
 * One line per event: time, daemon, level, message, fields as `key=value`.
 * @param who the daemon's name, e.g. osd.0
 * @param level lines above it are dropped
 */
function lineLogger(who: string, level: LogLevel, write: (line: string) => void): Logger {
  return (at, message, fields) => {
    if (RANK[at] > RANK[level]) return;
    let line = `${new Date().toISOString()} ${who} ${at} ${message}`;
    if (fields) for (const [k, v] of Object.entries(fields)) line += ` ${k}=${fieldText(v)}`;
    write(`${line}\n`);
  };
}

function fieldText(v: unknown): string {
  if (v instanceof Error) return JSON.stringify(v.message);
  if (typeof v === 'string') return /^[\w.:'/[\]-]+$/.test(v) ? v : JSON.stringify(v);
  if (typeof v === 'object' && v !== null) {
    return JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? x.toString() : x));
  }
  return String(v);
}

/** What daemons log with when they run as processes of their own. */
export function stderrLogger(who: string): Logger {
  return lineLogger(who, 'info', (line) => process.stderr.write(line));
}
