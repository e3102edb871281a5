import { runSubcommand, type Subcommand, type Tool, UsageError } from '../usage.ts';
import { balance, balanceCommand } from './balance.ts';
import { grow, growCommand } from './grow.ts';
import { plan, planCommand } from './plan.ts';

/** `sepiola crush ...`: questions about placement that need no cluster, only its maps. */

const WORDS: ReadonlyMap<string, Subcommand> = new Map([
  ['plan', { command: planCommand, run: async (args) => plan(args) }],
  ['balance', { command: balanceCommand, run: async (args) => balance(args) }],
  ['grow', { command: growCommand, run: async (args) => grow(args) }],
]);

export const crushTool: Tool = {
  words: 'crush plan|balance|grow ...',
  about: 'What would move between two maps; upmaps and weights for an even spread; growth.',
  run: async (words) => {
    const [name, ...rest] = words;
    if (name === undefined || name === '--help' || name === '-h') {
      (name === undefined ? process.stderr : process.stdout).write(help());
      return name === undefined ? 22 : 0;
    }
    const word = WORDS.get(name);
    if (word) return runSubcommand(`crush ${name}`, word, rest);
    throw new UsageError(`crush: unknown word '${name}'; 'sepiola crush --help' lists them`);
  },
};

function help(): string {
  const lines = ['usage: sepiola crush WORD ...', ''];
  for (const { command } of WORDS.values()) {
    lines.push(`  ${command.words}`, `      ${command.about}`);
  }
  return `${lines.join('\n')}\n\n'sepiola crush WORD --help' tells the options.\n`;
}
