import { CommandFailure } from './command.ts';

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
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }
  text(name: string): string | undefined {
    const v = this.values[name];
    if (v === undefined || v === null) return undefined;
    if (typeof v === 'string') return v;
    if (typeof v === 'number') return String(v);
    return this.wrongType(name, v);
  }
  /** A number as sent, or digits in a string, since some callers write their JSON by hand. */
  number(name: string): number | undefined {
    const v = this.values[name];
    if (v === undefined || v === null) return undefined;
    if (typeof v === 'number') return v;
    if (typeof v === 'string' && v.trim() !== '' && Number.isFinite(Number(v))) return Number(v);
    return this.wrongType(name, v);
  }
  flag(name: string): boolean {
    const v = this.values[name];
    return v === true || v === 'true' || v === `--${name.replaceAll('_', '-')}`;
  }
  /** A repeated argument; a lone string counts as a list of one. */
  list(name: string): string[] {
    const v = this.values[name];
    if (v === undefined || v === null) return [];
    if (typeof v === 'string') return [v];
    if (Array.isArray(v)) return v.map(String);
    return this.wrongType(name, v);
  }
  needText(name: string): string {
    return this.text(name) ?? this.missing(name);
  }
  needNumber(name: string): number {
    return this.number(name) ?? this.missing(name);
  }

  private wrongType(name: string, value: unknown): never {
    const kind = Array.isArray(value) ? 'list' : typeof value;
    throw new CommandFailure('EINVAL', `bad or missing field '${name}' (a ${kind})`);
  }
  private missing(name: string): never {
    throw new CommandFailure('EINVAL', `missing required parameter ${name}`);
  }
}
