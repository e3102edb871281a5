import type { Term } from '../term.ts';

/** Spreads what is asked of an object's holders over them, so that all give at once. */
export class Givers {
  private readonly term: Term;
  /** What is asked of each and not answered. */
  private readonly load = new Map<number, number>();

  /** @param term ended together with {@link clear} */
  constructor(term: Term) {
    this.term = term;
  }

  /** What was asked is not waited for any more. */
  clear(): void {
    this.load.clear();
  }

  /**
   * Asks one holder after the other, the least busy first, and of those who are equally busy whoever stands first.
   * @returns the first answer that gives something
   */
  async first<A>(
    holders: readonly number[],
    ask: (osd: number) => Promise<A | undefined>,
  ): Promise<A | undefined> {
    const { load, term } = this;
    const { number } = term;
    const left = [...holders];
    while (left.length > 0) {
      const least = Math.min(...left.map((osd) => load.get(osd) ?? 0));
      const [osd] = left.splice(
        left.findIndex((o) => (load.get(o) ?? 0) === least),
        1,
      );
      load.set(osd!, least + 1);
      try {
        const given = await ask(osd!);
        if (given !== undefined) return given;
      } finally {
        if (number === term.number) load.set(osd!, load.get(osd!)! - 1);
      }
    }
    return undefined;
  }
}
