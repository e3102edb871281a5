/** Portable against native CRC-32C by length: where calling out of JavaScript begins to pay. Run: npm run bench:crc32c */
import { crc32c as standard } from '@node-rs/crc32';
import { crc32c as portable } from '../src/codec/index.ts';

const native = (seed: number, b: Buffer): number => ~standard(b, ~seed >>> 0) >>> 0;
function nsPerCall(f: (seed: number, b: Buffer) => number, b: Buffer): number {
  for (let i = 0; i < 20_000; i++) f(i, b);
  const started = performance.now();
  let calls = 0;
  while (performance.now() - started < 200) for (let i = 0; i < 100; i++, calls++) f(i, b);
  return ((performance.now() - started) * 1e6) / calls;
}
console.log('bytes  portable ns  native ns');
for (const length of [32, 64, 128, 192, 256, 512, 1024, 4096, 65536]) {
  const b = Buffer.alloc(length, 7);
  const row = [nsPerCall(portable, b), nsPerCall(native, b)].map((n) => n.toFixed(0).padStart(10));
  console.log(String(length).padStart(5), ...row);
}
