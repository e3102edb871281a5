/**
 * Writes docs/commands.md and docs/options.md from the tables in the source. `npm run reference` rewrites them;
 * test/reference.test.ts fails when they are out of date.
 */
import { writeFileSync } from 'node:fs';
import { OPTIONS } from '../src/config/index.ts';
import { monCommands } from '../src/mon/index.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** `osd pool create name=pool,type=CephPoolname name=x,req=false` -> `osd pool create POOL [X]`. */
function usage(sig: string): string {
  return sig
    .split(/\s+/)
    .map((word) => {
      const name = /(?:^|,)name=([^,]+)/.exec(word)?.[1];
      if (!name) return word;
      const many = /(?:^|,)n=N/.test(word) ? ' ...' : '';
      return /(?:^|,)req=false/.test(word)
        ? `[${name.toUpperCase()}${many}]`
        : name.toUpperCase() + many;
    })
    .join(' ');
}

export function commandsPage(): string {
  const rows = monCommands
    .filter((c) => !((c.flags ?? 0) & 32))
    .map((c) => `| \`${cell(usage(c.sig))}\` | ${cell(c.help)} |`)
    .sort();
  return `# Commands of the monitor

What \`ceph\` can ask for, with or without \`--format json\`. Anything else is refused with EINVAL, as an unknown command is
on Ceph. This page is made from the source by \`npm run reference\`.

| command | |
|---|---|
${rows.join('\n')}
`;
}

export function optionsPage(): string {
  const rows = [...OPTIONS]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(
      ([name, o]) =>
        `| \`${name}\` | ${o.type} | ${cell(String(o.default ?? ''))} | ${cell(o.desc)} |`,
    );
  return `# Options

Set with \`ceph config set WHO NAME VALUE\`. This page is made from the source by \`npm run reference\`.

| option | type | default | |
|---|---|---|---|
${rows.join('\n')}
`;
}

if (process.argv[2] === '--write') {
  writeFileSync(new URL('../docs/commands.md', import.meta.url), commandsPage());
  writeFileSync(new URL('../docs/options.md', import.meta.url), optionsPage());
}
