import {
  type Parsed,
  parseBool,
  parseFloatStrict,
  parseInteger,
  parseSize,
  parseSpan,
} from './numbers.ts';
import type { Option, OptionValue } from './option.ts';

/**
 * Reads an option's value from text and checks its bounds. Errors are those of Ceph 16.2, since tools show them.
 */
export function parseOption(option: Option, text: string): Parsed<OptionValue> {
  const parsed = parseByType(option, text);
  if ('error' in parsed || typeof parsed.ok !== 'number') return parsed;
  if (option.min !== undefined && parsed.ok < option.min) {
    return { error: `Value '${canonical(option, parsed.ok)}' is below minimum ${option.min}` };
  }
  if (option.max !== undefined && parsed.ok > option.max) {
    return { error: `Value '${canonical(option, parsed.ok)}' exceeds maximum ${option.max}` };
  }
  return parsed;
}

function parseByType(option: Option, text: string): Parsed<OptionValue> {
  switch (option.type) {
    case 'int':
      return parseInteger(text, true);
    case 'uint':
      return parseInteger(text, false);
    case 'float':
      return parseFloatStrict(text);
    case 'bool':
      return parseBool(text);
    case 'size':
      return parseSize(text);
    case 'secs':
      return parseSpan(text);
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
        ? { ok: text.toLowerCase() }
        : { error: '' };
    case 'addr':
      return parseAddrText(text);
    default:
      return parseText(option, text);
  }
}

function parseText(option: Option, text: string): Parsed<string> {
  if (option.allowed && !option.allowed.includes(text)) {
    const names = option.allowed.join(', ');
    return { error: `'${text}' is not one of the permitted values: ${names}` };
  }
  if (option.form !== 'level') return { ok: text };
  const m = /^(\d+)(?:\/(\d+))?$/.exec(text);
  if (!m) return { error: 'value must take the form N or N/M, where N and M are integers' };
  return { ok: `${m[1]}/${m[2] ?? m[1]}` };
}

function parseAddrText(text: string): Parsed<string> {
  const m =
    /^(?:(v1|v2|any):)?(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\])(?::(\d{1,5}))?(?:\/(\d+))?$/i;
  const found = m.exec(text);
  if (!found || (found[2]!.includes('.') && found[2]!.split('.').some((b) => Number(b) > 255))) {
    return { error: '' };
  }
  return { ok: `${found[1] ?? 'v2'}:${found[2]}:${found[3] ?? 0}/${found[4] ?? 0}` };
}

/** The text that the monitor stores and that `config get` prints. */
export function canonical(option: Option, value: OptionValue): string {
  return option.type === 'float' ? Number(value).toFixed(6) : String(value);
}
