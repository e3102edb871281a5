import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function cruise(where: string, layersRoot: string): { status: number | null; text: string } {
  const run = spawnSync(
    process.execPath,
    [
      'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
      '--config',
      '.dependency-cruiser.cjs',
      where,
    ],
    { cwd: root, env: { ...process.env, SEPIOLA_LAYERS_ROOT: layersRoot }, encoding: 'utf8' },
  );
  return { status: run.status, text: run.stdout + run.stderr };
}

test('the tree keeps its layers', () => {
  const { status, text } = cruise('src', 'src');
  expect(text).not.toMatch(/error /);
  expect(status).toBe(0);
});

test('a fixture that breaks the rules is refused, rule by rule', () => {
  const fixture = 'test/fixtures/layers/src';
  const { status, text } = cruise(fixture, fixture);
  expect(status).not.toBe(0);
  for (const rule of ['layer-errors', 'front-door', 'ports-only']) expect(text).toContain(rule);
});
