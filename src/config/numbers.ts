/**
 * Numbers as Ceph's option parser reads them, with its reasons for a refusal: SI prefixes (K is 1000) for integers, IEC
 * prefixes (K and Ki are 1024) for sizes, and spans of time. Source: src/common/strtol.cc and util, release 16.2.
 */
export type Parsed<T> = { readonly ok: T } | { readonly error: string };

const INT64_MAX = 2n ** 63n - 1n;

function plainInteger(text: string): Parsed<bigint> {
  if (!/^[+-]?\d+$/.test(text)) {
    return { error: `Expected option value to be integer, got '${text}'` };
  }
  const v = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (v > INT64_MAX || v < -INT64_MAX - 1n) {
    return { error: `The option value '${text}' seems to be invalid` };
  }
  return { ok: v };
}

const SI: Readonly<Record<string, number>> = { K: 3, M: 6, G: 9, T: 12, P: 15, E: 18, B: 0 };

/** `20`, `2K`: an integer with an SI prefix. */
export function parseInteger(text: string, signed: boolean): Parsed<number> {
  if (text === '') return { error: 'strict_sistrtoll: value not specified' };
  let digits = text;
  let power = 0;
  if (/[^0-9+-]/.test(text)) {
    const known = SI[text.at(-1)!];
    if (known === undefined) return { error: 'strict_si_cast: unit prefix not recognized' };
    power = known;
    if (power > 0) digits = text.slice(0, -1);
  }
  const parsed = plainInteger(digits);
  if ('error' in parsed) return parsed;
  if (parsed.ok < 0n && !signed) return { error: 'strict_sistrtoll: value should not be negative' };
  return inRange(parsed.ok * 10n ** BigInt(power), 'strict_sistrtoll');
}

const IEC: Readonly<Record<string, number>> = { K: 10, M: 20, G: 30, T: 40, P: 50, E: 60, B: 0 };

/** `4096`, `4K`, `4Ki`, `4KB`: a count of bytes, or of objects where Ceph allows prefixes. */
export function parseSize(text: string): Parsed<number> {
  if (text === '') return { error: 'strict_iecstrtoll: value not specified' };
  const at = text.search(/[^0-9+-]/);
  const unit = at < 0 ? '' : text.slice(at);
  if (unit === 'Bi') return { error: 'strict_iecstrtoll: illegal prefix "Bi"' };
  if (unit.length > 2) return { error: 'strict_iecstrtoll: illegal prefix (length > 2)' };
  const shift = unit === '' ? 0 : IEC[unit[0]!];
  if (shift === undefined) return { error: 'strict_iecstrtoll: unit prefix not recognized' };
  const parsed = plainInteger(at < 0 ? text : text.slice(0, at));
  if ('error' in parsed) return parsed;
  if (parsed.ok < 0n) return { error: 'strict_iecstrtoll: value should not be negative' };
  return inRange(parsed.ok << BigInt(shift), 'strict_iecstrtoll');
}

/** Values stay exact as numbers, so the bound is 2^53 rather than Ceph's 2^63. */
function inRange(v: bigint, who: string): Parsed<number> {
  if (v > BigInt(Number.MAX_SAFE_INTEGER)) return { error: `${who}: value seems to be too large` };
  if (v < BigInt(Number.MIN_SAFE_INTEGER)) return { error: `${who}: value seems to be too small` };
  return { ok: Number(v) };
}

/** An integer without any prefix; white space before it counts for nothing, as for strtoll. */
export function parsePlainInteger(text: string): Parsed<number> {
  const parsed = plainInteger(/^\s*([+-]?\d+)$/.exec(text)?.[1] ?? text);
  return 'error' in parsed ? parsed : inRange(parsed.ok, 'strict_strtoll');
}

export function parseFloatStrict(text: string): Parsed<number> {
  const m = /^\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)/i.exec(text);
  if (!m) return { error: `strict_strtod: expected double, got: '${text}'` };
  if (m[0].length < text.length) {
    return { error: `strict_strtod: garbage at end of string. got: '${text}'` };
  }
  const v = Number(text);
  return Number.isFinite(v)
    ? { ok: v }
    : { error: `strict_strtod: floating point overflow/underflow parsing '${text}'` };
}

export function parseBool(text: string): Parsed<boolean> {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return { ok: lower === 'true' };
  const parsed = plainInteger(text);
  return 'error' in parsed ? parsed : { ok: parsed.ok !== 0n };
}

const SPANS: readonly [RegExp, number][] = [
  [/^(s|sec|secs|second|seconds)$/, 1],
  [/^(m|min|mins|minute|minutes)$/, 60],
  [/^(h|hr|hrs|hour|hours)$/, 3600],
  [/^(d|day|days)$/, 86400],
  [/^(w|wk|wks|week|weeks)$/, 604800],
  [/^(mo|month|months)$/, 2592000],
  [/^(y|yr|yrs|year|years)$/, 31536000],
];

/** `90`, `5m`, `1 hour 5 min`: a span in whole seconds. */
export function parseSpan(text: string): Parsed<number> {
  let rest = text.trim();
  let total = 0;
  if (rest === '') return { error: 'expected digit' };
  while (rest !== '') {
    const digits = /^\d+/.exec(rest);
    if (!digits) return { error: 'expected digit' };
    rest = rest.slice(digits[0].length).trimStart();
    const unit = /^[A-Za-z]*/.exec(rest)![0];
    const known = unit === '' ? 1 : SPANS.find(([words]) => words.test(unit))?.[1];
    if (known === undefined) return { error: `unrecogized unit '${unit}'` };
    total += Number(digits[0]) * known;
    if (!Number.isSafeInteger(total)) return { error: 'span is too long' };
    rest = rest.slice(unit.length).trimStart();
  }
  return { ok: total };
}
