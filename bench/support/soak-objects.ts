import { CephError } from '../../src/errors/index.ts';
import type { Pool } from '../../src/rados/index.ts';

const SIZES = [4096, 65_536] as const;
/** Of each worker. With 64 workers: 4,096 objects, 142 MiB before copies. */
const OBJECTS = 64;
/** What is told apart in a report; more says nothing new. */
const WRONG_MAX = 20;

/** Content that tells version and size; 251 versions are made once and used again. */
const contents = new Map<string, Buffer>();
function contentOf(version: number, bytes: number): Buffer {
  const kind = version % 251;
  const key = `${kind} ${bytes}`;
  let made = contents.get(key);
  if (!made) {
    made = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) made[i] = (kind + i * (1 + (kind % 7))) & 0xff;
    contents.set(key, made);
  }
  return made;
}

/** Objects of which each belongs to one worker, so that it knows what a read must give. */
export class SoakObjects {
  /** Answers that were not what they should have been. */
  readonly wrong: string[] = [];
  private readonly pools: readonly Pool[];
  /** Version of each object of each worker; undefined: there is none. */
  private readonly versions: (number | undefined)[][];
  private readonly turns: number[];

  constructor(pools: readonly Pool[], workers: number) {
    this.pools = pools;
    this.versions = Array.from({ length: workers }, () => Array(OBJECTS).fill(undefined));
    this.turns = Array(workers).fill(0);
  }

  /** The next op of a worker: of eleven, five writes, five reads and a delete, spread over its objects. */
  async step(worker: number): Promise<void> {
    const turn = this.turns[worker]!++;
    const index = (turn * 29) % OBJECTS;
    const bytes = SIZES[index % SIZES.length]!;
    const object = this.pools[worker % this.pools.length]!.object(`soak ${worker} ${index}`);
    const versions = this.versions[worker]!;
    const kind = (turn * 7) % 11; // 11 and 64 share no divisor: each object sees all of them
    if (kind < 5) {
      await object.writeFull(contentOf(turn, bytes));
      versions[index] = turn;
    } else if (kind < 10) {
      const version = versions[index];
      const expected = version === undefined ? undefined : contentOf(version, bytes);
      const found = await object.read().catch(ifMissing);
      if (found === undefined ? expected !== undefined : !expected || !found.equals(expected)) {
        this.report(`worker ${worker}, object ${index}: not version ${version ?? 'none'}`);
      }
    } else {
      const found = await object.remove().then(() => true, ifMissing);
      if ((found === undefined) !== (versions[index] === undefined)) {
        this.report(`worker ${worker}, object ${index}: removed, though it was not as it should`);
      }
      versions[index] = undefined;
    }
  }

  private report(line: string): void {
    if (this.wrong.length < WRONG_MAX) this.wrong.push(line);
  }
}

function ifMissing(error: unknown): undefined {
  if (error instanceof CephError && error.code === 'ENOENT') return undefined;
  throw error;
}
