import { CommandFailure } from './failure.ts';

/** The JSON object of one command. Getters give undefined for an absent argument and refuse one of a wrong type. */
export class CommandArgs {
  readonly prefix: string;
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
    this.prefix = typeof values.prefix === 'string' ? values.prefix : '';
  }

  /** `plain` when the command named none; else e.g. json, json-pretty. */
  get format(): string {
    return this.text('format') ?? 'plain';
  }
  /** True for json and json-pretty. */
  get json(): boolean {
    return this.format.startsWith('json');
  }
  get pretty(): boolean {
    return this.format === 'json-pretty';
  }
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }
  text(name: string): string | undefined {
    const v = this.given(name);
    return v === undefined || typeof v === 'string' ? v : wrongType(name);
  }
  number(name: string): number | undefined {
    const v = this.given(name);
    return v === undefined || typeof v === 'number' ? v : wrongType(name);
  }
  /** Tools of old releases send the option's words instead of true. */
  flag(name: string): boolean {
    const v = this.given(name);
    if (v === undefined || typeof v === 'boolean') return v ?? false;
    return v === 'true' || v === `--${name.replaceAll('_', '-')}`;
  }
  /** Words, some of which a tool may have made numbers of. */
  list(name: string): string[] {
    const v = this.given(name);
    if (v === undefined) return [];
    const isWord = (word: unknown): boolean => typeof word === 'string' || typeof word === 'number';
    return Array.isArray(v) && v.every(isWord) ? v.map(String) : wrongType(name);
  }
  /** A list of numbers, of one at least. */
  needNumbers(name: string): number[] {
    const v = this.given(name);
    const isList = Array.isArray(v) && v.length > 0 && v.every((n) => typeof n === 'number');
    return isList ? v : wrongType(name);
  }
  /**
   * Refuses a number with a fraction, or one that is not exact: as a count or an id it would be another one in memory
   * than in the bytes of a map.
   */
  checkInteger(name: string): void {
    const isWrong = (v: unknown): boolean => typeof v === 'number' && !Number.isSafeInteger(v);
    const v = this.given(name);
    if (Array.isArray(v) ? v.some(isWrong) : isWrong(v)) wrongType(name);
  }
  /** An argument that has to be there. */
  needText(name: string): string {
    return this.text(name) ?? wrongType(name);
  }
  needNumber(name: string): number {
    return this.number(name) ?? wrongType(name);
  }

  private given(name: string): unknown {
    return this.values[name] ?? undefined;
  }
}

function wrongType(name: string): never {
  throw new CommandFailure('EINVAL', `bad or missing field '${name}'`);
}
