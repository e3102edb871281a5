import { ENTRY, type LogEntry, oidKey } from './log-entry.ts';
import type { Logged } from './logged.ts';

/** The newest change of each object that a stretch of a log names. */
export function newestChanges(entries: readonly Logged[]): Map<string, LogEntry> {
  const newest = new Map<string, LogEntry>();
  for (const { entry } of entries) {
    if (entry.kind !== ENTRY.error) newest.set(oidKey(entry.oid), entry);
  }
  return newest;
}
