import { Interrupted } from './questions.ts';

/**
 * A stretch of time in which what was begun may go on: an interval, or a round of it. Who waits keeps its number, and
 * leaves everything alone when that has changed meanwhile: what is known of the PG, and who its members are, may have too.
 */
export class Term {
  private count = 0;

  /** Of the term that runs. */
  get number(): number {
    return this.count;
  }

  end(): void {
    this.count++;
  }

  /** @throws Interrupted when the term ends before the promise is settled */
  async within<A>(promise: Promise<A>): Promise<A> {
    const { count } = this;
    const a = await promise;
    if (count !== this.count) throw new Interrupted();
    return a;
  }
}
