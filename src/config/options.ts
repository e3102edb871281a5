import type { Option, OptionValue } from './option.ts';
import { canonical, parseOption } from './parse.ts';
import { clientOptions } from './table/client.ts';
import { commonOptions } from './table/common.ts';
import { debugOptions } from './table/debug.ts';
import { mgrOptions } from './table/mgr.ts';
import { monOptions } from './table/mon.ts';
import { osdOptions } from './table/osd.ts';
import { recoveryOptions } from './table/recovery.ts';
import { scrubOptions } from './table/scrub.ts';

/** Every option, by name. */
export const OPTIONS: ReadonlyMap<string, Option> = new Map(
  Object.entries({
    ...commonOptions,
    ...debugOptions,
    ...clientOptions,
    ...monOptions,
    ...mgrOptions,
    ...osdOptions,
    ...recoveryOptions,
    ...scrubOptions,
  }),
);

/** An option's name as the table has it: spaces and dashes count as underscores, as in ceph.conf. */
export function optionName(text: string): string {
  return text.trim().replace(/[ -]+/g, '_');
}

/** The default in canonical text. The option must exist. */
export function defaultText(name: string): string {
  const option = OPTIONS.get(name);
  if (!option) throw new Error(`invariant broken: no option ${name}`);
  return canonical(option, option.default);
}

/** The value that canonical text stands for; text that does not parse counts as the default. */
export function optionValue(name: string, text: string | undefined): OptionValue {
  const option = OPTIONS.get(name);
  if (!option) throw new Error(`invariant broken: no option ${name}`);
  if (text === undefined) return option.default;
  const parsed = parseOption(option, text);
  return 'error' in parsed ? option.default : parsed.ok;
}
