import type { Pool } from '../../../src/client/index.ts';
import type { Dice } from './dice.ts';
import { type Content, difference, randomChange, readBack } from './model.ts';
import { type Run, wait, within } from './run.ts';

/** An object and what it must be. */
export interface Tracked {
  readonly name: string;
  content: Content;
  /** Of a request whose client went away: it may or may not have been applied. */
  other: { content: Content } | undefined;
}

export function tracked(name: string): Tracked {
  return { name, content: undefined, other: undefined };
}

/** One object at a time is changed and read, each time through any of the connections. */
export async function work(
  run: Run,
  pools: readonly Pool[],
  objects: readonly Tracked[],
  dice: Dice,
): Promise<void> {
  while (!run.isOver) {
    const object = dice.pick(objects);
    const began = performance.now();
    const change = randomChange(object.content, dice);
    let action = change.what;
    try {
      await within(change.send(dice.pick(pools), object.name));
      object.content = change.apply(object.content);
      run.count('changes');
      action = 'read';
      const got = await within(readBack(dice.pick(pools), object.name));
      run.count('reads');
      const d = difference(object.content, got);
      if (d) run.fail(`${object.name} after ${change.what}: ${d}`);
    } catch (e) {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      run.fail(`${action} of ${object.name} (${seconds} s): ${e}`);
    }
  }
}

/** Clients that vanish in the middle of a request. */
export async function abandon(run: Run, into: Tracked[], dice: Dice): Promise<void> {
  for (let i = 0; !run.isOver; i++) {
    await wait(1_000 + dice.below(4_000));
    try {
      const rados = await run.client();
      try {
        const pool = await rados.pool('thrash');
        const object = tracked(`abandoned.${i}`);
        for (let n = 0; n < 3; n++) {
          const change = randomChange(object.content, dice);
          await within(change.send(pool, object.name));
          object.content = change.apply(object.content);
        }
        const last = randomChange(object.content, dice);
        object.other = { content: last.apply(object.content) };
        last.send(pool, object.name).catch(() => {}); // its end is what nobody will know
        await wait(dice.below(5));
        into.push(object);
        run.count('clients that left');
      } finally {
        await rados.close();
      }
    } catch (e) {
      if (!run.isOver) run.fail(`a client that was to leave: ${e}`);
    }
  }
}

/** Objects that are written once and then only move about. */
export class Ballast {
  private readonly bytes: readonly Buffer[];
  constructor(count: number, dice: Dice) {
    this.bytes = Array.from({ length: count }, () => dice.bytes(1 + dice.below(60_000)));
  }
  async write(pool: Pool): Promise<void> {
    await Promise.all(this.bytes.map((b, i) => pool.object(`ballast.${i}`).writeFull(b)));
  }
  async read(run: Run, pool: Pool, i: number): Promise<void> {
    try {
      const got = await within(pool.object(`ballast.${i}`).read());
      run.count('reads of what rests');
      if (!got.equals(this.bytes[i]!)) run.fail(`ballast.${i} has changed`);
    } catch (e) {
      run.fail(`read of ballast.${i}: ${e}`);
    }
  }
  async readSome(run: Run, pool: Pool, dice: Dice): Promise<void> {
    while (!run.isOver) {
      await this.read(run, pool, dice.below(this.bytes.length));
      await wait(dice.below(50));
    }
  }
  async readAll(run: Run, pool: Pool): Promise<void> {
    for (let i = 0; i < this.bytes.length; i++) await this.read(run, pool, i);
  }
}

/** Every object is as the last answered request left it, and none is listed that is not there. */
export async function verifyModel(run: Run, pool: Pool, all: readonly Tracked[]): Promise<void> {
  for (const o of all) {
    const got = await within(readBack(pool, o.name));
    const d = difference(o.content, got);
    if (d && !(o.other && !difference(o.other.content, got)))
      run.fail(`${o.name} at the end: ${d}`);
  }
  const known = new Map(all.map((o) => [o.name, 0]));
  for await (const { name } of pool.objects()) {
    if (known.has(name)) known.set(name, known.get(name)! + 1);
    else run.fail(`${name} is listed and was never written`);
  }
  for (const o of all) {
    const may = o.other ? [!!o.content, !!o.other.content] : [!!o.content];
    if (!may.some((is) => Number(is) === known.get(o.name))) {
      run.fail(`${o.name} is listed ${known.get(o.name)} times`);
    }
  }
}
