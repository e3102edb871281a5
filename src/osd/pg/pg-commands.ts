import { formatValue, type Json } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import { parsePgId } from '../../wire/index.ts';
import {
  type Args,
  type Argument,
  type Command,
  type CommandResult,
  type CommandScope,
  fail,
  ok,
  text,
} from '../front/command.ts';
import { shardOf } from '../partition.ts';
import type { ShardAnswers } from '../shard-front.ts';

const PGID: Argument = { name: 'pgid', type: 'CephPgid' };
const choices = (name: string, strings: string): Argument => ({
  name,
  type: 'CephChoices',
  strings,
});

type PgQuestion = 'pg' | 'pgFacts' | 'pgUnfound' | 'pgRevert' | 'pgDelete';

function ask<Q extends PgQuestion>(
  s: CommandScope,
  args: Args,
  question: Q,
): Promise<ShardAnswers[Q]> | undefined {
  const pgid = parsePgId(text(args, 'pgid'));
  return pgid && Promise.resolve(s.shards[shardOf(pgid, s.shards.length)]!.ask(question, pgid));
}

const notHere = (args: Args): CommandResult =>
  fail(ERRNO.ENOENT, `i don't have pgid ${text(args, 'pgid')}`);

function show(question: 'pg' | 'pgFacts' | 'pgUnfound') {
  return async (s: CommandScope, args: Args): Promise<CommandResult> => {
    const answer = await ask(s, args, question);
    return answer === undefined ? notHere(args) : ok(`${formatValue(answer as Json, true)}\n`);
  };
}

async function markUnfoundLost(s: CommandScope, args: Args): Promise<CommandResult> {
  const mode = text(args, 'mulcmd');
  if (mode !== 'revert' && mode !== 'delete') {
    // The words of 16.2, which knows a third mode and does not have it either.
    return fail(ERRNO.EINVAL, "mode must be 'revert' or 'delete'; mark not yet implemented");
  }
  const answer = await ask(s, args, mode === 'revert' ? 'pgRevert' : 'pgDelete');
  return answer ? { ...answer, data: '' } : notHere(args);
}

/** One command in both forms: `ceph tell PGID verb ...` and `ceph pg PGID verb ...`. */
function both(verb: string, more: readonly Argument[], command: Omit<Command, 'sig'>): Command[] {
  return [
    // The tool puts in the PG that it tells.
    { ...command, sig: [verb, ...more] },
    { ...command, sig: ['pg', PGID, choices('cmd', verb), ...more] },
  ];
}

/** Commands about one PG, answered by its primary; any member says what it knows. Words and answers as in 16.2. */
export const pgCommands: readonly Command[] = [
  ...both('query', [], {
    help: 'What this daemon knows of a PG.',
    perm: 'r',
    run: show('pg'),
  }),
  ...both('explain', [], {
    help: 'Why a PG is in its state, for sepiola pg explain.',
    perm: 'r',
    run: show('pgFacts'),
  }),
  ...both('list_unfound', [{ name: 'offset', type: 'CephString', req: 'false' }], {
    help: 'Objects of a PG that nobody has who is up.',
    perm: 'r',
    run: show('pgUnfound'),
  }),
  ...both('mark_unfound_lost', [choices('mulcmd', 'revert|delete')], {
    help: 'Gives up the objects of a PG that nobody has: to an older version, or for good.',
    perm: 'rw',
    run: markUnfoundLost,
  }),
];
