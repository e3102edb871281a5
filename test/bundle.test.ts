import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const DIST = join(import.meta.dirname, '../dist/cli');

interface Loaded {
  /** Source files, as `src/crush/types.ts`. */
  readonly sources: Set<string>;
  /** What is imported from outside of the bundle. */
  readonly outside: Set<string>;
}

/** What Node reads when it imports a file of the bundle, without what that imports later. */
function loadedBy(file: string): Loaded {
  const loaded: Loaded = { sources: new Set(), outside: new Set() };
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const code = readFileSync(path, 'utf8');
    for (const [, from] of code.matchAll(/^(?:import|export) .*?from "([^"]+)";/gm)) {
      if (from!.startsWith('.')) visit(join(dirname(path), from!));
      else loaded.outside.add(from!);
    }
    if (!code.includes('//# sourceMappingURL=')) return; // it only passes names on
    const { sources } = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] };
    for (const s of sources) loaded.sources.add(s.replace(/^(\.\.\/)+/, ''));
  };
  visit(join(DIST, file));
  return loaded;
}

const TOOLS = /^src\/(cli\/.*tool|crush\/(text|document|tester)|balancer\/.*picture|store\/fsck)/;

test.each([
  ['run-osd.js', /^src\/mon\//],
  ['shard-thread.js', /^src\/mon\//],
  ['run-mon.js', /^src\/osd\//],
])('%s loads neither the tools nor the other daemon', (file, other) => {
  const sources = [...loadedBy(file).sources];
  expect(sources.filter((s) => other.test(s))).toEqual([]);
  expect(sources.filter((s) => TOOLS.test(s))).toEqual([]);
  expect(sources.length).toBeGreaterThan(100); // the list is what it should be
});

test('the tools do have what the daemons leave out', () => {
  const { sources } = loadedBy('crushtool.js');
  expect([...sources].filter((s) => TOOLS.test(s)).length).toBeGreaterThan(20);
});

test('a daemon imports no CommonJS package, which would start a lexer for it', () => {
  for (const file of ['main.js', 'daemon.js', 'run-osd.js', 'run-mon.js', 'shard-thread.js']) {
    const packages = [...loadedBy(file).outside].filter((name) => !name.startsWith('node:'));
    expect(packages).toEqual([]);
  }
});
