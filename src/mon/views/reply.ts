import { formatValue, type Json } from '../../codec/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok } from '../command.ts';

/** What differs between commands around the same value. */
export interface ValueStyle {
  /** Text for stderr. */
  readonly status?: string;
  /** `newline`: the compact form ends with one too, as most commands of the monitor do. */
  readonly end?: 'newline' | 'bare';
  /** Commands of the manager that print into a wrapper close it on a line of its own. */
  readonly wrapped?: boolean;
  /** Without a format asked for, the compact form is meant. */
  readonly compactByDefault?: boolean;
}

/** A value in the format asked for; `json-pretty` when none was, or one that is not served. */
export function valueReply(args: CommandArgs, value: Json, style: ValueStyle = {}): CommandReply {
  const compact = args.format === 'json' || (style.compactByDefault && args.format === 'plain');
  const pretty = !compact;
  let text = formatValue(value, pretty);
  if (style.wrapped) text = `${text.slice(0, -1)}\n}`;
  if (pretty || style.end === 'newline') text += '\n';
  return ok(text, style.status);
}

/** Text for people, or the value when JSON is asked for. Both are computed only when needed. */
export function textOrValue(
  args: CommandArgs,
  text: () => string,
  value: () => Json,
  style: ValueStyle = {},
): CommandReply {
  return args.json ? valueReply(args, value(), style) : ok(text(), style.status);
}
