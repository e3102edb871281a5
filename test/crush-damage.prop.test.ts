import { expect, test } from 'vitest';
import { crushDocumentFromXml, crushDocumentToXml } from '../src/cli/crushtool/xml.ts';
import {
  type CrushMap,
  CrushMapper,
  CrushTextError,
  checkCrushMap,
  compileCrushMap,
  crushHash2,
  crushMapFromDocument,
  crushMapToDocument,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import { CephError } from '../src/errors/index.ts';
import { differences, randomCrushMap } from './support/crush-maps.ts';
import { type Dice, dice } from './support/sim-disk.ts';

/** Damage at random places of what people and other programs hand in: a clear refusal, or a map that holds together. */

const RUNS = 400;
const VALUES: readonly unknown[] = [null, true, -1, 0, 1, 0.5, 1e12, '', 'x', '-1', [], {}, [[]]];

/** Puts another value, or none, at a random place of a document, or repeats an entry of a list. */
function damageDocument(node: unknown, roll: Dice): void {
  if (node === null || typeof node !== 'object') return;
  const at = node as Record<string, unknown>;
  const keys = Object.keys(at);
  if (keys.length === 0) return;
  const key = keys[roll(keys.length)]!;
  const child = at[key];
  if (child !== null && typeof child === 'object' && roll(6) > 0) damageDocument(child, roll);
  else if (Array.isArray(node) && roll(3) === 2) node.splice(Number(key), roll(2), child, child);
  else if (!Array.isArray(node) && roll(5) === 4) delete at[key];
  else at[key] = structuredClone(VALUES[roll(VALUES.length)]);
}

/** Changes, drops, repeats or adds a few characters, or words, of a text. */
function damageText(text: string, roll: Dice): string {
  const words = text.split(/(?<=\s)/);
  for (let i = 1 + roll(3); i > 0; i--) {
    const at = roll(words.length);
    const insert = ['', '-1 ', '{', '}', '99999999999 ', '0.000 ', 'id ', 'host ', '<', '&', '\0'];
    const other = roll(2) === 0 ? words[roll(words.length)]! : insert[roll(insert.length)]!;
    words.splice(at, roll(2), ...(roll(4) === 3 ? [other, other] : [other]));
  }
  return words.join('');
}

/** A map that was accepted can be judged, written and read, and mapped with if it is sound. */
function use(map: CrushMap): void {
  const problems = checkCrushMap(map, { devicesMax: 2 ** 31 });
  if (problems.length > 0) return;
  expect(differences(decodeCrushMap(encodeCrushMap(map)), map)).toEqual([]);
  const mapper = new CrushMapper(map);
  const weights = new Uint32Array(64).fill(0x10000);
  map.rules.forEach((_, rule) => {
    mapper.run(rule, 7, 3, weights, 0);
  });
}

/** @returns how many inputs were refused, and how many accepted */
function feed(input: (map: CrushMap, roll: Dice) => CrushMap, refusal: (e: unknown) => void) {
  let refused = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const roll = dice(crushHash2(seed, 5));
    const map = randomCrushMap(roll, { textual: true });
    let read: CrushMap;
    try {
      read = input(map, roll);
    } catch (e) {
      refusal(e);
      refused++;
      continue;
    }
    use(read);
  }
  return { refused, accepted: RUNS - refused };
}

function refusedInOneLine(e: unknown): void {
  if (!(e instanceof CephError)) throw e;
  expect(e.code).toBe('EINVAL');
  expect(e.message).toMatch(/^.{5,300}$/);
}

test('documents with a wrong value somewhere', () => {
  const { refused, accepted } = feed((map, roll) => {
    const doc: unknown = JSON.parse(JSON.stringify(crushMapToDocument(map)));
    damageDocument(doc, roll);
    return crushMapFromDocument(doc);
  }, refusedInOneLine);
  expect(refused).toBeGreaterThan(100);
  expect(accepted).toBeGreaterThan(20);
});

test('XML with wrong words somewhere', () => {
  const { refused } = feed((map, roll) => {
    const xml = damageText(crushDocumentToXml(crushMapToDocument(map)), roll);
    return crushMapFromDocument(crushDocumentFromXml(xml));
  }, refusedInOneLine);
  expect(refused).toBeGreaterThan(100);
});

test('text with wrong words somewhere', () => {
  const { refused, accepted } = feed(
    (map, roll) => compileCrushMap(damageText(decompileCrushMap(map), roll)),
    (e) => {
      if (!(e instanceof CrushTextError)) throw e;
      expect(e.message).not.toBe('');
    },
  );
  expect(refused).toBeGreaterThan(100);
  expect(accepted).toBeGreaterThan(20);
});
