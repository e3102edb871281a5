import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

test('every runtime dependency has its reason in docs/dependencies.md, and the other way round', () => {
  const declared = Object.keys(
    (JSON.parse(read('package.json')) as { dependencies: Record<string, string> }).dependencies,
  );
  const explained = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(
    (m) => m[1],
  );
  expect(explained.sort()).toEqual(declared.sort());
});
