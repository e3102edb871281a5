import type { Clock } from '../../runtime/index.ts';
import type { FaultTarget } from './faults.ts';

/** What stands between two ends of a network. */
interface Obstacle {
  isCut: boolean;
  delayMs: number;
}

/** A connection that obstacles concern. */
export interface Linked {
  readonly from: FaultTarget;
  to(): FaultTarget;
  /** Obstacles have changed: what waits may be able to go. */
  retry(): void;
  break(): void;
}

/** Who is who on the network of a cluster, and what keeps whom from whom. One for all its daemons. */
export class Links {
  readonly clock: Clock;
  private readonly obstacles = new Map<string, Obstacle>();
  private readonly connections = new Set<Linked>();
  /** Whose a port is: one that is listened on, or the near end of a connection. */
  private readonly owners = new Map<number, FaultTarget>();
  private waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whose a port is; everybody who is no daemon of ours is a client. */
  ownerOf(port: number): FaultTarget {
    return this.owners.get(port) ?? 'client';
  }
  own(port: number, who: FaultTarget): void {
    this.owners.set(port, who);
  }
  disown(port: number): void {
    this.owners.delete(port);
  }

  add(connection: Linked): void {
    this.connections.add(connection);
  }
  remove(connection: Linked): void {
    this.connections.delete(connection);
  }

  isCut(from: FaultTarget, to: FaultTarget): boolean {
    return this.obstacles.get(key(from, to))?.isCut ?? false;
  }
  delayMs(from: FaultTarget, to: FaultTarget): number {
    return this.obstacles.get(key(from, to))?.delayMs ?? 0;
  }

  /** Resolves when both can reach each other, as a handshake needs it. */
  async open(a: FaultTarget, b: FaultTarget): Promise<void> {
    while (this.isCut(a, b) || this.isCut(b, a)) {
      await new Promise<void>((done) => this.waiting.push(done));
    }
  }

  cut(from: FaultTarget, to: FaultTarget): void {
    this.between(from, to).isCut = true;
  }
  slow(from: FaultTarget, to: FaultTarget, delayMs: number): void {
    this.between(from, to).delayMs = delayMs;
    this.changed();
  }
  break(a: FaultTarget, b: FaultTarget): void {
    for (const c of [...this.connections]) {
      const to = c.to();
      if ((c.from === a && to === b) || (c.from === b && to === a)) c.break();
    }
  }
  heal(): void {
    this.obstacles.clear();
    this.changed();
  }

  private between(from: FaultTarget, to: FaultTarget): Obstacle {
    let obstacle = this.obstacles.get(key(from, to));
    if (!obstacle) {
      obstacle = { isCut: false, delayMs: 0 };
      this.obstacles.set(key(from, to), obstacle);
    }
    return obstacle;
  }

  private changed(): void {
    for (const connection of [...this.connections]) connection.retry();
    for (const done of this.waiting.splice(0)) done();
  }
}

function key(from: FaultTarget, to: FaultTarget): string {
  return `${from}>${to}`;
}
