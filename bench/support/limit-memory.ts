import { nativeCrc32c } from '../../src/runtime-node/index.ts';

/** Bytes in a second of work that is called again and again for about so long. */
function rate(bytes: number, seconds: number, work: () => void): number {
  for (let i = 0; i < 3; i++) work();
  const calls = Math.max(1, Math.ceil((16 << 20) / bytes)); // between looks at the clock
  const started = performance.now();
  const end = started + seconds * 1000;
  let done = 0;
  while (performance.now() < end) {
    for (let i = 0; i < calls; i++) work();
    done += calls;
  }
  return (done * bytes * 1000) / (performance.now() - started);
}

/** Copying from memory to memory, more than any cache holds: bytes/s, counted once. */
export function copyRate(seconds: number): number {
  const from = Buffer.alloc(256 << 20, 1);
  const to = Buffer.alloc(from.length, 2);
  const piece = 4 << 20;
  let at = 0;
  return rate(piece, seconds, () => {
    from.copy(to, at, at, at + piece);
    at = (at + piece) % from.length;
  });
}

/** The native checksum over buffers of one length that lie in the cache: bytes/s. */
export function crcRate(bytes: number, seconds: number): number {
  const buffer = Buffer.alloc(bytes, 7);
  let seed = 0;
  return rate(bytes, seconds, () => {
    seed = nativeCrc32c(seed, buffer);
  });
}
