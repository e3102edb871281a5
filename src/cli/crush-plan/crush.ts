import { type Command, commandHelp, type Parsed, parse, type Tool, UsageError } from '../usage.ts';
import { balance, balanceCommand } from './balance.ts';
import { grow, growCommand } from './grow.ts';
import { plan, planCommand } from './plan.ts';

/** `sepiola crush ...`: questions about placement that need no cluster, only its maps. */

interface Word {
  readonly command: Command;
  readonly run: (args: Parsed) => number;
}

const WORDS: Readonly<Record<string, Word>> = {
  plan: { command: planCommand, run: plan },
  balance: { command: balanceCommand, run: balance },
  grow: { command: growCommand, run: grow },
};

export const crushTool: Tool = {
  words: 'crush plan|balance|grow ...',
  about: 'What would move between two maps; upmaps and weights for an even spread; growth.',
  run: async (words) => {
    const [name, ...rest] = words;
    if (name === undefined || name === '--help' || name === '-h') {
      (name === undefined ? process.stderr : process.stdout).write(help());
      return name === undefined ? 22 : 0;
    }
    const word = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
    if (!word)
      throw new UsageError(`crush: unknown word '${name}'; 'sepiola crush --help' lists them`);
    const { command, run } = word;
    if (rest.includes('--help') || rest.includes('-h')) {
      process.stdout.write(commandHelp(command));
      return 0;
    }
    try {
      return run(parse(command, rest));
    } catch (e) {
      if (!(e instanceof UsageError)) throw e;
      throw new UsageError(`crush ${name}: ${e.message}; usage: sepiola ${command.words}`);
    }
  },
};

function help(): string {
  const lines = ['usage: sepiola crush WORD ...', ''];
  for (const { command } of Object.values(WORDS)) {
    lines.push(`  ${command.words}`, `      ${command.about}`);
  }
  return `${lines.join('\n')}\n\n'sepiola crush WORD --help' tells the options.\n`;
}
