/** A value as Python knows it: it tells fractions from whole numbers, which they may be as well. */
export type PythonValue =
  | string
  | number
  | { readonly fraction: number }
  | ReadonlyMap<string | number, PythonValue>;

/** What `repr` gives in Python 3, for the module's outputs that print its dictionaries. */
export function pythonText(v: PythonValue): string {
  if (typeof v === 'string') return `'${v}'`;
  if (typeof v === 'number') return String(v);
  if ('fraction' in v) return fractionText(v.fraction);
  return `{${[...v].map(([key, value]) => `${pythonText(key)}: ${pythonText(value)}`).join(', ')}}`;
}

/** The shortest digits that give the same number; with an exponent below 0.0001 and from 10^16 on. */
function fractionText(v: number): string {
  const [mantissa = '', power = '0'] = v.toExponential().split('e');
  const exponent = Number(power);
  if (v !== 0 && (exponent < -4 || exponent >= 16)) {
    const sign = exponent < 0 ? '-' : '+';
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const digits = mantissa.replace(/[-.]/g, '').length;
  return v.toFixed(Math.max(1, digits - 1 - exponent));
}
