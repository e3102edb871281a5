/**
 * The command line as Ceph's own tools read it: a word is taken by the option it names, wherever it stands; `-` and `_`
 * are the same inside a name; a value follows as the next word or after `=`; `--` ends the options; what no option took
 * is left over. Source: common/ceph_argparse.cc and common/strtol.cc, release 16.2.
 */
import { ToolFailure } from './tool-io.ts';

/** What an option may do besides reading its own value. */
export interface WordReader {
  /** Takes the next word, whatever it looks like; undefined at the end of the line. */
  next(): string | undefined;
  /** Whether a word is left. */
  readonly hasNext: boolean;
  /** The next word, left where it is. */
  peek(): string | undefined;
  /** Takes the next word, or ends the program with `message` on stderr and status 1. */
  need(message: string): string;
  /**
   * Ends the program if a conversion failed in this option or, since Ceph's tools keep one buffer for all, in an earlier
   * one that did not look.
   */
  check(): void;
  /** Leaves the words that follow unread. */
  stop(): void;
  /** Adds to what {@link check} looks at. */
  complain(message: string): void;
}

/**
 * One option. `take` gets the value; a number that does not parse arrives as Ceph leaves it (1), a value that is
 * missing as undefined, and either is an error only once the option asks {@link WordReader.check}.
 */
export type CephOption =
  | { kind: 'flag'; names: readonly string[]; take(words: WordReader): void }
  /** A missing value ends the program at once. */
  | { kind: 'text'; names: readonly string[]; take(value: string, words: WordReader): void }
  | {
      kind: 'checkedText';
      names: readonly string[];
      take(value: string | undefined, words: WordReader): void;
    }
  | {
      kind: 'int' | 'float';
      names: readonly string[];
      take(value: number | undefined, words: WordReader): void;
    }
  | {
      kind: 'long';
      names: readonly string[];
      take(value: bigint | undefined, words: WordReader): void;
    };

/** Makers of options, for tables that read as a list. */
export const option = {
  flag: (names: readonly string[], take: (words: WordReader) => void): CephOption => ({
    kind: 'flag',
    names,
    take,
  }),
  text: (
    names: readonly string[],
    take: (value: string, words: WordReader) => void,
  ): CephOption => ({ kind: 'text', names, take }),
  checkedText: (
    names: readonly string[],
    take: (value: string | undefined, words: WordReader) => void,
  ): CephOption => ({ kind: 'checkedText', names, take }),
  /** 32-bit signed. */
  int: (
    names: readonly string[],
    take: (value: number | undefined, words: WordReader) => void,
  ): CephOption => ({ kind: 'int', names, take }),
  /** The same, whose mistakes end the program at once. */
  checkedInt: (names: readonly string[], take: (value: number) => void): CephOption => ({
    kind: 'int',
    names,
    take: (value, words) => {
      words.check();
      take(value ?? 0);
    },
  }),
  /** 64-bit signed. */
  long: (
    names: readonly string[],
    take: (value: bigint | undefined, words: WordReader) => void,
  ): CephOption => ({ kind: 'long', names, take }),
  /** Single precision. */
  float: (
    names: readonly string[],
    take: (value: number | undefined, words: WordReader) => void,
  ): CephOption => ({ kind: 'float', names, take }),
};

/** Whether -h or --help stands anywhere, or nothing at all. */
export function wantsUsage(words: readonly string[]): boolean {
  return words.length === 0 || words.includes('-h') || words.includes('--help');
}

/**
 * Gives every word to the option it names, in order.
 * @returns the words no option took, in order
 * @throws ToolFailure where Ceph's tools end with a message
 */
export function takeOptions(words: readonly string[], options: readonly CephOption[]): string[] {
  const byName = new Map<string, CephOption>();
  for (const o of options) for (const name of o.names) byName.set(optionKey(name).name, o);
  const reader = new Reader(words);
  const left: string[] = [];
  for (;;) {
    const word = reader.next();
    if (word === undefined) return left;
    if (word === '--') return [...left, ...reader.rest()];
    const { name, value } = optionKey(word);
    const found = byName.get(name);
    if (!found || (found.kind === 'flag' && value !== undefined)) left.push(word);
    else give(found, word, value, reader);
  }
}

/** A word with its dashes turned, as far as the first `=` after the second letter, and what follows that. */
export function optionKey(word: string): { name: string; value: string | undefined } {
  const at = word.indexOf('=', 2);
  const name = at < 0 ? word : word.slice(0, at);
  return {
    name: name.slice(0, 2) + name.slice(2).replaceAll('-', '_'),
    value: at < 0 ? undefined : word.slice(at + 1),
  };
}

class Reader implements WordReader {
  private readonly words: readonly string[];
  private at = 0;
  private trouble = '';

  constructor(words: readonly string[]) {
    this.words = words;
  }

  next(): string | undefined {
    return this.at < this.words.length ? this.words[this.at++] : undefined;
  }

  stop(): void {
    this.at = this.words.length;
  }

  peek(): string | undefined {
    return this.words[this.at];
  }

  get hasNext(): boolean {
    return this.at < this.words.length;
  }

  rest(): readonly string[] {
    return this.words.slice(this.at);
  }

  need(message: string): string {
    const word = this.next();
    if (word === undefined) throw new ToolFailure(message);
    return word;
  }

  check(): void {
    if (this.trouble !== '') throw new ToolFailure(this.trouble);
  }

  complain(message: string): void {
    this.trouble += message;
  }
}

function give(o: CephOption, word: string, inline: string | undefined, reader: Reader): void {
  if (o.kind === 'flag') return o.take(reader);
  const text = inline ?? reader.next();
  if (text === undefined) {
    const message = `Option ${word} requires an argument.`;
    if (o.kind === 'text') throw new ToolFailure(message);
    reader.complain(`${message}\n`);
    return o.take(undefined, reader);
  }
  if (o.kind === 'text' || o.kind === 'checkedText') return o.take(text, reader);
  const bad = notANumber(text);
  const parsed = bad ?? (o.kind === 'float' ? strictFloat(text) : strictInteger(text, o.kind));
  if ('error' in parsed) reader.complain(parsed.error);
  const value = 'error' in parsed ? parsed.left : parsed.ok;
  if (o.kind === 'long') o.take(BigInt(value), reader);
  else o.take(Number(value), reader);
}

/** A value read from text; or why not, and what Ceph leaves in its place. */
type Strict<T> = { ok: T } | { error: string; left: number };

/** What every number must look like before it is read: digits, one leading minus, one point. */
function notANumber(text: string): { error: string; left: number } | undefined {
  const looksNumeric = /^(-(?=.))?\d*\.?\d*$/.test(text);
  if (text.startsWith('--') || (text.startsWith('-') && !looksNumeric)) {
    return { error: 'Missing option value', left: 1 };
  }
  return looksNumeric ? undefined : { error: `The option value '${text}' is invalid`, left: 1 };
}

function strictInteger(text: string, kind: 'int' | 'long'): Strict<bigint> {
  if (!/^-?\d+$/.test(text)) {
    return { error: `Expected option value to be integer, got '${text}'`, left: 0 };
  }
  const value = BigInt(text);
  return BigInt.asIntN(kind === 'int' ? 32 : 64, value) === value
    ? { ok: value }
    : { error: `The option value '${text}' seems to be invalid`, left: 0 };
}

const FLOAT_MIN = 2 ** -126;

function strictFloat(text: string): Strict<number> {
  if (!/\d/.test(text)) return { error: `strict_strtof: expected float, got: '${text}'`, left: 0 };
  const value = Math.fround(Number(text));
  const isTiny = Math.abs(value) < FLOAT_MIN && /[1-9]/.test(text);
  if (Number.isFinite(value) && !isTiny) return { ok: value };
  const what = 'floating point overflow or underflow parsing';
  return { error: `strict_strtof: ${what} '${text}'`, left: 0 };
}

/** C's atof for the numbers people write: the longest number at the start of the text, else 0. */
export function leadingFloat(text: string): number {
  const m = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/i.exec(text);
  return m ? Number(m[0]) : 0;
}

/** C's atoi: the longest integer at the start of the text, else 0; wraps to 32 bits. */
export function leadingInteger(text: string): number {
  const m = /^\s*([+-]?\d+)/.exec(text);
  return m ? Number(BigInt.asIntN(32, BigInt(m[1]!.replace('+', '')))) : 0;
}
