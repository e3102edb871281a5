/**
 * The allocator alone: how many requests a second it serves at several degrees of fullness, fresh and aged, and how it
 * keeps space together beside the textbooks' rules.
 * Run with `npm run bench:allocator [-- units]`.
 */
import { cpus } from 'node:os';
import { Allocator, type Run } from '../src/store/allocator.ts';
import { age, burstPieces, POLICIES } from '../test/support/allocator-policies.ts';
import { dice } from '../test/support/sim-disk.ts';

const units = Number(process.argv[2] ?? 2 ** 20);
const FULL = [0.1, 0.5, 0.9, 0.99];
const PAIRS = 100_000;

/** An allocator of which a part is taken: in front, or in pieces of 1 to 16 units all over it. */
function filled(full: number, isFragmented: boolean): Allocator {
  const allocator = new Allocator({ units, reserved: 1 });
  const want = Math.floor(units * full);
  if (!isFragmented) {
    allocator.allocate(want);
    return allocator;
  }
  const roll = dice(1);
  allocator.allocate(allocator.freeUnits);
  for (let at = 1; at < units; ) {
    // Free and taken pieces in turn, so long on average that the part comes out right.
    const free = Math.min(units - at, 1 + roll(8));
    allocator.disown(at, free);
    allocator.release(at, free);
    at += free + Math.max(1, Math.round((free * full) / (1 - full)));
  }
  return allocator;
}

/** Allocations and releases in turn, of one size, at a steady fullness. @returns microseconds for both */
function pairs(allocator: Allocator, count: number): { us: number; runs: number } {
  const held: Run[][] = [];
  const roll = dice(2);
  let runs = 0;
  const depth = Math.max(1, Math.min(64, Math.floor(allocator.freeUnits / count / 2)));
  const before = process.cpuUsage();
  const total = Math.ceil(PAIRS / Math.max(1, count / 4));
  for (let i = 0; i < total; i++) {
    if (held.length === depth) {
      const at = roll(depth);
      for (const { unit, count: n } of held[at]!) {
        allocator.disown(unit, n);
        allocator.release(unit, n);
      }
      held[at] = held[depth - 1]!;
      held.pop();
    }
    const got = allocator.allocate(count);
    if (!got) break;
    runs += got.length;
    held.push(got);
  }
  const { user } = process.cpuUsage(before);
  return { us: user / total, runs: runs / total };
}

console.log(`${cpus()[0]?.model}, Node ${process.version}, ${units} units`);
const { memoryBytes } = new Allocator({ units });
console.log(`memory ${((memoryBytes / units) * 2 ** 28) / 2 ** 20} MiB for a TiB of 4 KiB units`);
console.log('\nrequests/s (one allocation and one release; CPU time), and runs for each request');
const sizes = [1, 16, 256, 1024];
console.log(['full', '          ', ...sizes.map((n) => `${n * 4} KiB`.padStart(18))].join(' '));
for (const full of FULL) {
  for (const isFragmented of [false, true]) {
    const cells = sizes.map((count) => {
      const { us, runs } = pairs(filled(full, isFragmented), count);
      return `${Math.round(1e6 / us)} (${runs.toFixed(1)})`.padStart(18);
    });
    const how = isFragmented ? 'fragmented' : 'fresh     ';
    console.log([`${full * 100}%`.padStart(4), how, ...cells].join(' '));
  }
}

console.log('\nafter 30000 objects of 4 KiB to 4 MiB written and removed at random');
console.log(
  'full  rule        runs/large  runs/all  free runs  largest free KiB  writes for 64 small',
);
for (const full of [0.5, 0.8, 0.9, 0.95]) {
  for (const [name, make] of Object.entries(POLICIES)) {
    const allocator = make(60_000);
    const large = { runs: 0, requests: 0 };
    const all = { runs: 0, requests: 0 };
    age(allocator, {
      seed: 1,
      steps: 30_000,
      full,
      took: (runs, count, step) => {
        if (step < 10_000) return;
        for (const sum of count >= 256 ? [large, all] : [all]) {
          sum.runs += runs.length;
          sum.requests++;
        }
      },
    });
    const free = [...allocator.freeRuns()].map((r) => r.count);
    console.log(
      [
        `${full * 100}%`.padEnd(5),
        name.padEnd(11),
        (large.runs / large.requests).toFixed(2).padStart(10),
        (all.runs / all.requests).toFixed(2).padStart(9),
        String(free.length).padStart(10),
        String(Math.max(0, ...free) * 4).padStart(17),
        String(burstPieces(allocator)).padStart(20),
      ].join(' '),
    );
  }
}
