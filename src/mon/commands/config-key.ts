import { formatValue, type Json } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { CHOSEN_BYTES_MAX } from '../keys.ts';
import type { MonState } from '../state.ts';

// Texts follow Ceph 16.2 (src/mon/ConfigKeyService.cc).

function set(state: MonState, args: CommandArgs, input: Uint8Array) {
  const key = args.text('key') ?? '';
  const value = args.has('val') ? Buffer.from(args.needText('val'), 'utf8') : input;
  const max = Number(state.option('mon_config_key_max_entry_size'));
  if (value.length > max) {
    const text = `error: entry size limited to ${max} bytes. Use 'mon config key max entry size' to manually adjust`;
    return unchanged({ result: -ERRNO.EFBIG, status: text, output: '' });
  }
  if (Buffer.byteLength(key) > CHOSEN_BYTES_MAX) {
    return unchanged(refuse('ENAMETOOLONG', `a key has at most ${CHOSEN_BYTES_MAX} bytes`));
  }
  return changed(ok('', `set ${key}`), { configKey: [{ key, value }] });
}

function remove(state: MonState, args: CommandArgs) {
  const key = args.text('key') ?? '';
  const reply = ok('', 'key deleted');
  if (!state.configKeys.get(key)) return unchanged(reply);
  return changed(reply, { configKey: [{ key, value: undefined }] });
}

function get(state: MonState, args: CommandArgs) {
  const value = state.configKeys.get(args.text('key') ?? '');
  return value ? ok(value) : refuse('ENOENT', '');
}

function exists(state: MonState, args: CommandArgs) {
  const key = args.text('key') ?? '';
  return state.configKeys.get(key)
    ? ok('', `key '${key}' exists`)
    : refuse('ENOENT', `key '${key}' doesn't exist`);
}

/** These two answer in JSON even when no format was asked for. */
function json(args: CommandArgs, value: Json) {
  return ok(`${formatValue(value, args.pretty || !args.json)}\n`);
}

function list(state: MonState, args: CommandArgs) {
  return json(
    args,
    state.configKeys.entries('').map((e) => e.key),
  );
}

function dump(state: MonState, args: CommandArgs) {
  const found = state.configKeys.entries(args.text('key') ?? '');
  return json(args, Object.fromEntries(found.map((e) => [e.key, printable(e.value)])));
}

function printable(value: Uint8Array): string {
  const isText = value.every((c) => (c >= 0x20 && c < 0x7f) || (c >= 9 && c <= 13));
  return isText
    ? Buffer.from(value).toString('latin1')
    : `<<< binary blob of length ${value.length} >>>`;
}

const base = { module: 'config-key', perm: 'rw' } as const;
const read = { module: 'config-key', perm: 'r' } as const;
const keyArg = 'name=key,type=CephString';
const deprecated = { flags: 4 } as const;

/** `ceph config-key ...`: values that the cluster keeps for others. */
export const configKeyCommands: CommandSpec[] = [
  { ...read, sig: `config-key get ${keyArg}`, help: 'Print the value of a key.', run: get },
  {
    ...base,
    sig: `config-key set ${keyArg} name=val,type=CephString,req=false`,
    help: 'Store a value, from the argument or the input.',
    decide: set,
  },
  {
    ...base,
    ...deprecated,
    sig: `config-key put ${keyArg} name=val,type=CephString,req=false`,
    help: 'Same as config-key set.',
    decide: set,
  },
  { ...base, sig: `config-key rm ${keyArg}`, help: 'Remove a key.', decide: remove },
  {
    ...base,
    ...deprecated,
    sig: `config-key del ${keyArg}`,
    help: 'Same as config-key rm.',
    decide: remove,
  },
  { ...read, sig: `config-key exists ${keyArg}`, help: 'Ask whether a key is there.', run: exists },
  { ...read, sig: 'config-key ls', help: 'List the keys.', run: list },
  { ...read, ...deprecated, sig: 'config-key list', help: 'Same as config-key ls.', run: list },
  {
    ...read,
    sig: 'config-key dump name=key,type=CephString,req=false',
    help: 'Show keys with their values.',
    run: dump,
  },
];
