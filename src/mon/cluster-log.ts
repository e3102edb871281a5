import { LOG_PRIORITY, type LogEntry, utimeOfMs } from '../wire/index.ts';
import type { ClusterLogEntry } from './state.ts';

/** Lines kept for `ceph log last` and for late subscribers. */
const KEPT_MAX = 10_000;
/** Characters in them: whoever is connected may send lines, of any length. */
const KEPT_CHARS_MAX = 16 * 2 ** 20;

/** The newest lines of the cluster log. They live in memory: what matters is in the maps. */
export class ClusterLog {
  readonly entries: ClusterLogEntry[] = [];
  /** Counts all lines; the last one's version. */
  version = 0;
  private seq = 0n;
  private chars = 0;

  append(line: Omit<ClusterLogEntry, 'seq'> & { seq?: bigint }): ClusterLogEntry {
    const entry = { ...line, seq: line.seq ?? ++this.seq };
    this.entries.push(entry);
    this.chars += charsOf(entry);
    this.trim();
    this.version++;
    return entry;
  }

  /** In strides, since each time all of the array moves. The last line stays, whatever it holds. */
  private trim(): void {
    const { entries } = this;
    const least = entries.length > KEPT_MAX + 1000 ? 1000 : 0;
    const charsMax = this.chars > KEPT_CHARS_MAX ? KEPT_CHARS_MAX * 0.75 : KEPT_CHARS_MAX;
    let count = 0;
    while (count < entries.length - 1 && (count < least || this.chars > charsMax)) {
      this.chars -= charsOf(entries[count++]!);
    }
    if (count > 0) entries.splice(0, count);
  }

  /** Lines of at least a priority from version `next` on; from 0 only the last one, so that a listener starts at now. */
  since(next: number, priority: number): ClusterLogEntry[] {
    const wanted = (e: ClusterLogEntry): boolean => e.priority >= priority;
    if (next === 0) return this.entries.filter(wanted).slice(-1);
    const count = Math.min(this.entries.length, this.version - next + 1);
    return count <= 0 ? [] : this.entries.slice(-count).filter(wanted);
  }
}

function charsOf({ who, text, channel }: ClusterLogEntry): number {
  return who.length + text.length + channel.length;
}

/** The priority of a subscription `log-info` and the like; undefined for another key. */
export function logPriority(what: string): number | undefined {
  const level = what.startsWith('log-') ? what.slice(4) : '';
  return Object.hasOwn(LOG_PRIORITY, level)
    ? LOG_PRIORITY[level as keyof typeof LOG_PRIORITY]
    : undefined;
}

/** A line in the form that is sent to listeners. */
export function wireLogEntry(e: ClusterLogEntry): LogEntry {
  const [, type, id] = /^([a-z]+)\.(.*)$/.exec(e.who) ?? [];
  const number = { mon: 1, mds: 2, osd: 4, client: 8, mgr: 16 }[type ?? ''] ?? 0;
  return {
    name: { type: number, id: id ?? '' },
    rank: e.entity,
    addrs: [...e.addrs],
    stamp: utimeOfMs(e.stampMs),
    seq: e.seq,
    priority: e.priority,
    text: e.text,
    channel: e.channel,
  };
}
