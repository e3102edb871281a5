const SPACE = /\s*/y;
const NAME = /[A-Za-z0-9._-]+/y;
const INTEGER = { natural: /[0-9]+/y, negative: /-[0-9]+/y, any: /-?[0-9]+/y } as const;
const REAL = /[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;

/**
 * Reads tokens from a text, each after white space. What does not match is `undefined`, and the position is then for the
 * caller to restore, with {@link attempt}. Words need no space between them: `device0osd.0` is three tokens.
 */
export class Scanner {
  readonly #text: string;
  position = 0;
  constructor(text: string) {
    this.#text = text;
  }

  /** One of the words, the first that fits. */
  word<const W extends string>(...words: W[]): W | undefined {
    this.#match(SPACE);
    const found = words.find((word) => this.#text.startsWith(word, this.position));
    if (found !== undefined) this.position += found.length;
    return found;
  }

  name(): string | undefined {
    return this.#token(NAME);
  }

  integer(kind: keyof typeof INTEGER): string | undefined {
    return this.#token(INTEGER[kind]);
  }

  real(): string | undefined {
    return this.#token(REAL);
  }

  /** The result of `read`, or `undefined` and no step taken. */
  attempt<T>(read: () => T | undefined): T | undefined {
    const start = this.position;
    const result = read();
    if (result === undefined) this.position = start;
    return result;
  }

  /** What `read` finds after the word, or `undefined` and no step taken. */
  after<T>(word: string, read: () => T | undefined): T | undefined {
    return this.attempt(() => (this.word(word) === undefined ? undefined : read()));
  }

  /** As many as there are. */
  many<T>(read: () => T | undefined): T[] {
    const out: T[] = [];
    for (;;) {
      const next = this.attempt(read);
      if (next === undefined) return out;
      out.push(next);
    }
  }

  #token(pattern: RegExp): string | undefined {
    this.#match(SPACE);
    return this.#match(pattern);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }
}
