/** Types of options, by Ceph's names. Sizes are bytes, `secs` whole seconds. */
export type OptionType =
  | 'str'
  | 'int'
  | 'uint'
  | 'float'
  | 'bool'
  | 'size'
  | 'secs'
  | 'addr'
  | 'uuid';
type OptionLevel = 'basic' | 'advanced' | 'dev';
/** When a new value acts: at once, at the daemon's start, when its store is made, when the cluster is made. */
type OptionApply = 'runtime' | 'startup' | 'create' | 'cluster_create';
export type OptionValue = string | number | boolean;

interface Common<T> {
  readonly default: T;
  readonly level: OptionLevel;
  /** Left out where the type decides: all but text can change at runtime. */
  readonly apply?: OptionApply;
  /** Who reads it; empty for everybody. */
  readonly services?: readonly string[];
  /** Needed before the monitor can be asked, so the monitor refuses to store it. */
  readonly noMonUpdate?: boolean;
  readonly seeAlso?: readonly string[];
  /** One sentence of ours. */
  readonly desc: string;
}
interface Bounded {
  readonly min?: number;
  readonly max?: number;
}
interface Enumerated {
  readonly allowed?: readonly string[];
  /** `level`: a debug level N or N/M, stored as N/M. */
  readonly form?: 'level';
}

/** One declared option, without its name, which is its key in the table. */
export interface Option extends Common<OptionValue>, Bounded, Enumerated {
  readonly type: OptionType;
}

const make =
  <T extends OptionValue, B extends object>(type: OptionType) =>
  (o: Common<T> & B): Option => ({ type, ...o });

export const text = make<string, Enumerated>('str');
export const int = make<number, Bounded>('int');
export const uint = make<number, Bounded>('uint');
export const float = make<number, Bounded>('float');
export const flag = make<boolean, object>('bool');
export const size = make<number, Bounded>('size');
export const secs = make<number, Bounded>('secs');
export const addr = make<string, object>('addr');
export const uuid = make<string, object>('uuid');

/** Whether a running daemon takes a new value. Source: Option::can_update_at_runtime, release 16.2. */
export function canUpdateAtRuntime(o: Option): boolean {
  if (o.apply !== undefined) return o.apply === 'runtime';
  return o.type !== 'str' && o.type !== 'addr' && o.type !== 'uuid';
}

/** The flags of `config help`. */
export function optionFlags(o: Option): string[] {
  return [...(o.noMonUpdate ? ['no_mon_update'] : []), ...(o.apply ? [o.apply] : [])];
}
