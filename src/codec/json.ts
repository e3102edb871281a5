import { general } from './decimal.ts';

/** A value for {@link formatValue}. A Map keeps keys in order that look like numbers. */
export type Json =
  | string
  | number
  | bigint
  | boolean
  | readonly Json[]
  | ReadonlyMap<string, Json>
  | { readonly [key: string]: Json | undefined };

/**
 * A value as Ceph's JSONFormatter prints it: without spaces, or with four of indent. Absent members (undefined) are
 * left out. Fractions have 17 significant digits, as its streams do.
 */
export function formatValue(value: Json, pretty: boolean, indent = ''): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return general(value, 17);
  if (typeof value !== 'object') return String(value);
  const inner = pretty ? `${indent}    ` : '';
  const colon = pretty ? ': ' : ':';
  let parts: string[];
  let brackets = '{}';
  if (Array.isArray(value)) {
    brackets = '[]';
    parts = value.map((v: Json) => formatValue(v, pretty, inner));
  } else {
    const entries: Iterable<[string, Json | undefined]> =
      value instanceof Map ? value : Object.entries(value);
    parts = [];
    for (const [key, v] of entries) {
      if (v === undefined) continue;
      parts.push(`${JSON.stringify(key)}${colon}${formatValue(v, pretty, inner)}`);
    }
  }
  if (parts.length === 0) return brackets;
  return pretty
    ? `${brackets[0]}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${brackets[1]}`
    : `${brackets[0]}${parts.join(',')}${brackets[1]}`;
}
