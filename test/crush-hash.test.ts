import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  crushHash2,
  crushHash3,
  crushHash4,
  straw2Logs,
  straw2Tables,
  strHashRjenkins,
} from '../src/crush/index.ts';

test('the name hash has its known values, over byte strings and bytes alike', () => {
  const known: [string, number][] = [
    ['', 0xbd49d10d],
    ['a', 0x29eec818],
    ['foo', 0x7fc1f406],
    ['abcdefghijkl', 0x0b1b3ea5],
    ['ns1\x1finns', 0x6c8a595b],
  ];
  for (const [name, hash] of known) {
    expect(strHashRjenkins(name)).toBe(hash);
    expect(strHashRjenkins(Buffer.from(name, 'latin1'))).toBe(hash);
  }
  const binary = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37 + 128) & 0xff));
  expect(strHashRjenkins(binary.toString('latin1'))).toBe(strHashRjenkins(binary));
});

test('the integer hashes have their known values', () => {
  expect(crushHash2(0, 0)).toBe(0x19ad4ce9);
  expect(crushHash2(1, 2)).toBe(0xb78dee9c);
  expect(crushHash3(1, 2, 3)).toBe(0x735ad42b);
  expect(crushHash4(1, 2, 3, 4)).toBe(0x696d1f16);
  expect(crushHash2(-1, 2)).toBe(crushHash2(0xffffffff, 2));
});

test('the tables behind the straw2 logarithm have the known checksums', () => {
  const sha256 = (table: bigint[]): string => {
    const bytes = Buffer.alloc(table.length * 8);
    table.forEach((v, i) => {
      bytes.writeBigUInt64LE(v, i * 8);
    });
    return createHash('sha256').update(bytes).digest('hex');
  };
  const { rh, lh, ll } = straw2Tables();
  expect(sha256(rh)).toBe('5debd57bf387705974d0b0b6c955a2b75545172ab55753c637bb7349f1b66ee3');
  expect(sha256(lh)).toBe('2c5d48357edc321c43ac43a2bf4caf715d767ad49b948a8729f140756c5d8f57');
  expect(sha256(ll)).toBe('56fecbea65b1d35d0d20f0327d783a870652a56356e9a5326b6ab16d6c31b6ca');
});

test('the straw2 logarithm has its known values, the misfit at the end included', () => {
  const logs = straw2Logs();
  const known: [number, number][] = [
    [0, -281474976710656],
    [1, -263882790666240],
    [255, -140737488355328],
    [256, -140638196896390],
    [32767, -17592186044416],
    [32768, -17591411515232],
    [65534, -43930352],
    [65535, -268435456],
  ];
  for (const [u, l] of known) expect(logs[u]).toBe(l);
});
