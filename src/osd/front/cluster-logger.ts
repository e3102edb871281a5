import type { Clock } from '../../runtime/index.ts';
import {
  ENTITY,
  type EntityAddr,
  LOG_PRIORITY,
  type LogEntry,
  MLog,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  utimeOfMs,
} from '../../wire/index.ts';

/** What the daemon gives to write to the cluster log. */
export interface ClusterLoggerHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly addr: EntityAddr;
  sendToMon(message: Outgoing): void;
}

/** Lines kept for a monitor that may not have got them. */
const KEPT_MAX = 32;

/** An OSD's lines in the cluster log. The monitor knows by their numbers what it has got already. */
export class ClusterLogger {
  private readonly host: ClusterLoggerHost;
  private readonly kept: LogEntry[] = [];
  private seq = 0n;

  constructor(host: ClusterLoggerHost) {
    this.host = host;
  }

  write(priority: keyof typeof LOG_PRIORITY, text: string): void {
    const { id, clock, addr } = this.host;
    const entry: LogEntry = {
      name: { type: ENTITY.osd, id: String(id) },
      rank: { type: ENTITY.osd, num: id },
      addrs: [addr],
      stamp: utimeOfMs(clock.wallMs()),
      seq: ++this.seq,
      priority: LOG_PRIORITY[priority],
      text,
      channel: 'cluster',
    };
    this.kept.push(entry);
    if (this.kept.length > KEPT_MAX) this.kept.shift();
    this.send([entry]);
  }

  /** The monitor has these lines, and those before them. */
  acknowledged(seq: bigint): void {
    while (this.kept.length > 0 && this.kept[0]!.seq <= seq) this.kept.shift();
  }

  /** A new session: what was not acknowledged is said again. */
  again(): void {
    if (this.kept.length > 0) this.send(this.kept);
  }

  private send(entries: readonly LogEntry[]): void {
    const { fsid } = this.host;
    this.host.sendToMon(outgoing(MLog, { paxos: PAXOS_ZERO, fsid, entries: [...entries] }));
  }
}
