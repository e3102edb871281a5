/** A number as C++ streams print it by default (printf's `%g`): `digits` significant ones, no trailing zeros. */
export function general(v: number, digits = 6): string {
  if (Number.isNaN(v)) return '-nan';
  if (!Number.isFinite(v)) return v < 0 ? '-inf' : 'inf';
  if (Number.isSafeInteger(v) && Math.abs(v) < 10 ** digits) return String(v);
  const [mantissa = '', exponentText = '0'] = evenTie(
    v.toExponential(digits - 1),
    v.toExponential(digits + TIE_DIGITS),
  ).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? '-' : '+';
    return `${trimZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return trimZeros(fixed(v, Math.max(0, digits - 1 - exponent)));
}

/** printf's `%.Nf`. */
export function fixed(v: number, decimals: number): string {
  return evenTie(v.toFixed(decimals), v.toFixed(decimals + TIE_DIGITS));
}

/** A CRUSH or override weight: `1.00000`, `0`, or `-` for a negative one, which means none. Source: weightf_t. */
export function weightText(v: number): string {
  if (v < -0.01) return '-';
  return v < 0.000001 ? '0' : fixed(v, 5);
}

/** A number exactly half way between two decimals has few digits, so these many more tell. */
const TIE_DIGITS = 40;

/** JavaScript rounds an exact tie away from zero, C to the even digit: takes one back from an odd digit after a tie. */
function evenTie(rounded: string, longer: string): string {
  const [digits = '', exponent] = rounded.split('e');
  const [exact = ''] = longer.split('e');
  const kept = digits.includes('.') ? digits.length : digits.length + 1;
  const tail = exact.slice(kept);
  const last = digits.at(-1) ?? '0';
  const isOdd = '13579'.includes(last);
  if (!isOdd || !/^50*$/.test(tail)) return rounded;
  const even = digits.slice(0, -1) + String(Number(last) - 1);
  return exponent === undefined ? even : `${even}e${exponent}`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
