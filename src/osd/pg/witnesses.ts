import type { Peering } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import type { PgInfo } from './pg-info.ts';

/** What the witnesses of a PG see of it. */
export interface WitnessesScope {
  readonly host: Pick<PgHost, 'upFrom' | 'lostAt'>;
  readonly view: { readonly acting: readonly number[] };
  readonly strays: { readonly infos: Map<number, PgInfo> };
}

/** Who may have a say in a PG's peering, and in which of their lives they said what they have. */
export class Witnesses {
  private readonly scope: WitnessesScope;
  private readonly machine: Peering;
  /** The next life of a holder may have another disk. */
  private readonly lives = new Map<number, number>();
  private noted = '';

  constructor(scope: WitnessesScope, machine: Peering) {
    this.scope = scope;
    this.machine = machine;
  }

  /** A holder has said what it has. */
  heard(osd: number): void {
    this.lives.set(osd, this.scope.host.upFrom(osd));
  }

  /** Peering has gone on with those who are there now. */
  note(): void {
    this.noted = this.now();
  }

  /** Has somebody come or gone since? */
  haveChanged(): boolean {
    return this.noted !== this.now();
  }

  /** What a holder said in a life that has ended does not count: it may come back empty. */
  forgetLives(): void {
    const { host, strays, view } = this.scope;
    for (const [osd, upFrom] of this.lives) {
      if (host.upFrom(osd) === upFrom) continue;
      this.lives.delete(osd);
      strays.infos.delete(osd);
      if (!view.acting.includes(osd)) this.machine.infos.delete(osd);
    }
  }

  /** The interval is over. */
  clear(): void {
    this.lives.clear();
  }

  private now(): string {
    const { host, view } = this.scope;
    const { phase, consulted } = this.machine;
    const all = new Set([...consulted, ...view.acting]);
    if (phase.name === 'down') for (const osd of phase.blockedBy) all.add(osd);
    return [...all].map((osd) => `${osd}:${host.upFrom(osd)}:${host.lostAt(osd)}`).join();
  }
}
