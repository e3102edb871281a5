import { type MessageOf, outgoing, type PgId } from '../../wire/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { MScrubReserve, SCRUB_WORD } from './scrub-messages.ts';
import type { ScrubPlace, ScrubPort } from './scrub-port.ts';

/** What a member needs for its primary's scrubs. */
export interface ScrubMemberScope {
  readonly host: Pick<PgHost, 'send'> & { readonly scrub: ScrubPort };
  header(): { pgid: PgId; epoch: number; since: number };
}

/** The place on our OSD that a primary's scrub takes, from its request to its release or the end of the interval. */
export class ScrubMember {
  private readonly scope: ScrubMemberScope;
  private held: { readonly number: number; readonly place: ScrubPlace } | undefined;

  constructor(scope: ScrubMemberScope) {
    this.scope = scope;
  }

  onMessage(from: number, { word, number }: MessageOf<typeof MScrubReserve>): void {
    switch (word) {
      case SCRUB_WORD.request:
        return this.onRequest(from, number);
      case SCRUB_WORD.release:
        if (this.held && this.held.number <= number) this.stop();
        return;
      case SCRUB_WORD.replaced:
        return this.scope.host.scrub.copyReplaced();
    }
  }

  stop(): void {
    this.held?.place.release();
    this.held = undefined;
  }

  private onRequest(from: number, number: number): void {
    const { scrub } = this.scope.host;
    // A scrub of before is over, or our primary would not begin another.
    this.stop();
    const answer = (isGiven: boolean): void => {
      if (!isGiven) this.stop();
      const word = isGiven ? SCRUB_WORD.granted : SCRUB_WORD.refused;
      const message = { ...this.scope.header(), word, number };
      this.scope.host.send(from, outgoing(MScrubReserve, message));
    };
    if (scrub.isRecovering && !scrub.settings.duringRecovery) answer(false);
    else this.held = { number, place: scrub.takePlace(answer) };
  }
}
