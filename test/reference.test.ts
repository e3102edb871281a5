import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandsPage, optionsPage } from '../scripts/reference.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');

test('docs/commands.md and docs/options.md are what the tables in the source say', () => {
  expect(page('commands.md')).toBe(commandsPage());
  expect(page('options.md')).toBe(optionsPage());
});
