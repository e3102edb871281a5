import { CephError, type Pool, WriteOp } from '../../../src/client/index.ts';
import type { Dice } from './dice.ts';

/** An object as the last answered request left it; undefined where there is none. */
export type Content =
  | { data: Buffer; omap: ReadonlyMap<string, string>; xattrs: ReadonlyMap<string, string> }
  | undefined;

/** A change of one object, as a request and as what it does to the model. */
export interface Change {
  readonly what: string;
  send(pool: Pool, name: string): Promise<unknown>;
  apply(before: Content): Content;
}

const EMPTY = { data: Buffer.alloc(0), omap: new Map(), xattrs: new Map() };
/** Objects stay below this, so that a run is about faults and not about the network's speed. */
const SIZE_MAX = 300_000;

function bytes(dice: Dice): Buffer {
  return dice.bytes(dice.below(5) === 0 ? dice.below(150_000) : 1 + dice.below(3_000));
}

function put(data: Buffer, at: number, part: Buffer): Buffer {
  const out = Buffer.alloc(Math.max(data.length, at + part.length));
  data.copy(out);
  part.copy(out, at);
  return out;
}

function resized(data: Buffer, size: number): Buffer {
  const out = Buffer.alloc(size);
  data.copy(out);
  return out;
}

function entries(dice: Dice): Map<string, string> {
  return new Map(
    Array.from({ length: 1 + dice.below(8) }, () => [
      `k${dice.below(40)}`,
      dice.bytes(8).toString('hex'),
    ]),
  );
}

/** One random change. An object that has grown large is written anew. */
export function randomChange(before: Content, dice: Dice): Change {
  const { below } = dice;
  const size = before?.data.length ?? 0;
  const part = bytes(dice);
  const map = entries(dice);
  switch (size > SIZE_MAX ? 0 : below(11)) {
    case 0:
      return {
        what: `writeFull ${part.length}`,
        send: (p, n) => p.object(n).writeFull(part),
        apply: (b) => ({ ...(b ?? EMPTY), data: part }),
      };
    case 1: {
      const at = below(size + 5_000);
      return {
        what: `write ${at}~${part.length}`,
        send: (p, n) => p.object(n).write(part, { offset: at }),
        apply: (b) => ({ ...(b ?? EMPTY), data: put(b?.data ?? EMPTY.data, at, part) }),
      };
    }
    case 2:
    case 3:
    case 4:
      return {
        what: `append ${part.length}`,
        send: (p, n) => p.object(n).append(part),
        apply: (b) => ({ ...(b ?? EMPTY), data: Buffer.concat([b?.data ?? EMPTY.data, part]) }),
      };
    case 5:
      return {
        what: 'remove',
        send: (p, n) => p.object(n).remove().catch(unlessMissing),
        apply: () => undefined,
      };
    case 6:
      return {
        what: 'setOmap',
        send: (p, n) => p.object(n).setOmap(map),
        apply: (b) => ({ ...(b ?? EMPTY), omap: new Map([...(b?.omap ?? []), ...map]) }),
      };
    case 7:
      return {
        what: 'rmOmapKeys',
        send: (p, n) => p.object(n).rmOmapKeys(map.keys()).catch(unlessMissing),
        apply: (b) => b && { ...b, omap: new Map([...b.omap].filter(([key]) => !map.has(key))) },
      };
    case 8: {
      const to = below(size + 2_000);
      return {
        what: `truncate ${to}`,
        send: (p, n) => p.object(n).truncate(to).catch(unlessMissing),
        apply: (b) => b && { ...b, data: resized(b.data, to) },
      };
    }
    case 9:
      return {
        what: 'a vector',
        send: (p, n) => {
          const op = new WriteOp().create().append(part).setOmap(map);
          for (const [key, value] of map) op.setXattr(key, value);
          return p.object(n).write(op);
        },
        apply: (b) => {
          const from = b ?? EMPTY;
          return {
            data: Buffer.concat([from.data, part]),
            omap: new Map([...from.omap, ...map]),
            xattrs: new Map([...from.xattrs, ...map]),
          };
        },
      };
    default:
      return {
        what: 'a vector whose guard fails',
        send: (p, n) =>
          p
            .object(n)
            .write(new WriteOp().compareXattr('no such', 'EQ', 'x').append(part).setOmap(map))
            .then(
              () => Promise.reject(new Error('a failed guard was passed')),
              () => undefined,
            ),
        apply: (b) => b,
      };
  }
}

function unlessMissing(e: unknown): void {
  if (!(e instanceof CephError) || e.code !== 'ENOENT') throw e;
}

/** Data, omap and attributes, each read by itself. */
export async function readBack(pool: Pool, name: string): Promise<Content> {
  const object = pool.object(name);
  try {
    const data = await object.read();
    const xattrs = texts(await object.xattrs());
    const omap = new Map<string, string>();
    for await (const [key, value] of object.omap()) {
      omap.set(Buffer.from(key).toString(), Buffer.from(value).toString());
    }
    return { data, omap, xattrs };
  } catch (e) {
    unlessMissing(e);
    return undefined;
  }
}

function texts(map: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  return new Map([...map].map(([key, value]) => [key, Buffer.from(value).toString()]));
}

/** @returns what differs, in words; undefined when nothing does */
export function difference(expected: Content, got: Content): string | undefined {
  if (!expected || !got) {
    return !expected === !got ? undefined : `is ${got ? 'there' : 'gone'}, should be the opposite`;
  }
  if (!expected.data.equals(got.data)) {
    let at = 0;
    while (at < expected.data.length && expected.data[at] === got.data[at]) at++;
    return `data differs from byte ${at} on (sizes ${expected.data.length} and ${got.data.length})`;
  }
  for (const part of ['omap', 'xattrs'] as const) {
    const text = (m: ReadonlyMap<string, string>) => JSON.stringify([...m].sort());
    if (text(expected[part]) !== text(got[part])) return `${part} differ`;
  }
  return undefined;
}
