import { parsePlainInteger } from '../../config/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { CommandFailure } from '../command.ts';

/**
 * `3` or `osd.3`.
 * @param blame what the command adds to the refusal, from the word and the errno
 * @throws CommandFailure EINVAL in the words of Ceph 16.2 (parse_osd_id)
 */
function parseOsdId(text: string, blame: Blame): number {
  const digits = text.startsWith('osd.') ? text.slice(4) : text;
  const parsed = parsePlainInteger(digits);
  if ('error' in parsed) throw new CommandFailure('EINVAL', parsed.error + blame(text, -1));
  if (parsed.ok < 0) {
    throw new CommandFailure('EINVAL', `osd id ${text} is negative${blame(text, -22)}`);
  }
  return parsed.ok;
}

type Blame = (word: string, result: number) => string;
const byResult: Blame = (_, result) => `invalid osd id${result}`;
/** As the manager's commands put it. */
export const byWord: Blame = (word) => `invalid osd id '${word}'`;

/** Whether a word is meant as an OSD's id. */
export function isOsdId(text: string): boolean {
  return /^(osd\.)?\d+$/.test(text);
}

/** The ids of a command that takes many; `all` and its like are every one that `of` says. */
export function parseOsdIds(
  words: readonly string[],
  of: () => number[],
  blame: Blame = byResult,
): number[] {
  if (words[0] === 'any' || words[0] === 'all' || words[0] === '*') return of();
  return words.map((word) => parseOsdId(word, blame));
}

/**
 * An id that a tool already turned into a number.
 * @param notes what the command has said before, ahead of the refusal
 * @throws CommandFailure ENOENT
 */
export function needOsd(osdmap: OSDMap, id: number, notes = ''): number {
  if (!osdmap.exists(id)) throw new CommandFailure('ENOENT', `${notes}osd.${id} does not exist`);
  return id;
}
