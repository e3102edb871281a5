import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { CephError } from '../../errors/index.ts';
import { type BlockStore, nameText, objectFields, type StoreOp } from '../../store/index.ts';
import { UsageError } from '../usage.ts';
import { type Found, resolveObject } from './objects.ts';
import { jsonText, type Request } from './words.ts';

const CHUNK_BYTES = 4 * 2 ** 20;
const PAGE = 1000;

/** A command on one object. Commands that change it leave the PG's log as it is: for repairs by hand only. */
export async function objectCommand(store: BlockStore, request: Request): Promise<void> {
  const [word, command, ...args] = request.object as [string, string, ...string[]];
  const found = resolveObject(store, request, word);
  const ops = await changesOf(found, command, args);
  if (!ops) return show(store, request, found, command, args);
  if (request.dryRun) return;
  if (command.startsWith('rm-')) present(store, found, command, args);
  await store.submit(ops);
}

/** The change that a command makes; undefined for one that only looks. */
async function changesOf(
  { c, oid }: Found,
  command: string,
  args: readonly string[],
): Promise<StoreOp[] | undefined> {
  const [key, file] = [nameOf(args[0] ?? ''), args[1]];
  switch (command) {
    case 'remove':
      return [{ op: 'remove', c, oid }];
    case 'set-size':
      return [{ op: 'truncate', c, oid, size: sizeOf(args[0]!) }];
    case 'set-bytes': {
      const data = await input(args[0]);
      return [
        { op: 'truncate', c, oid, size: 0 },
        { op: 'write', c, oid, offset: 0, data },
      ];
    }
    case 'set-attr':
      return [{ op: 'setattrs', c, oid, attrs: new Map([[key, await input(file)]]) }];
    case 'rm-attr':
      return [{ op: 'rmattr', c, oid, name: key }];
    case 'set-omap':
      return [{ op: 'omapSet', c, oid, entries: new Map([[key, await input(file)]]) }];
    case 'rm-omap':
      return [{ op: 'omapRmKeys', c, oid, keys: [key] }];
    case 'set-omaphdr':
      return [{ op: 'omapSetHeader', c, oid, header: await input(args[0]) }];
    default:
      return undefined;
  }
}

async function show(
  store: BlockStore,
  request: Request,
  found: Found,
  command: string,
  args: readonly string[],
): Promise<void> {
  const { c, oid } = found;
  switch (command) {
    case 'get-bytes':
      return getBytes(store, found, args[0]);
    case 'get-attr':
    case 'get-omap':
      return output(present(store, found, command, args));
    case 'get-omaphdr':
      return output(store.omapHeader(c, oid) ?? new Uint8Array(0));
    case 'list-attrs':
      return lines([...store.getattrs(c, oid).keys()].sort());
    case 'list-omap':
      return lines(omapOf(store, found).map(([key]) => key));
    default: {
      const { size } = store.stat(c, oid)!;
      const attrs = Object.fromEntries(
        [...store.getattrs(c, oid)].map(([k, v]) => [nameText(k), v.length]),
      );
      const dump = {
        id: objectFields(oid),
        pgid: c,
        stat: { size },
        extents: store.extents(c, oid, 0, size),
        attrs,
        omap: {
          entries: omapOf(store, found).length,
          header: store.omapHeader(c, oid)?.length ?? 0,
        },
      };
      return output(Buffer.from(`${jsonText(request, dump)}\n`));
    }
  }
}

/** The value of an attribute or omap key. @throws CephError ENODATA, ENOENT as the real tool */
function present(
  store: BlockStore,
  { c, oid }: Found,
  command: string,
  args: readonly string[],
): Uint8Array {
  const key = nameOf(args[0]!);
  if (command.endsWith('-attr')) {
    const value = store.getattr(c, oid, key);
    if (!value) throw new CephError('ENODATA', 'getattr: (61) No data available');
    return value;
  }
  const value = store.omapGet(c, oid, [key]).get(key);
  if (!value) throw new CephError('ENOENT', 'Key not found');
  return value;
}

function omapOf(store: BlockStore, { c, oid }: Found): [string, Uint8Array][] {
  const out: [string, Uint8Array][] = [];
  for (let after: string | undefined; ; after = out.at(-1)![0]) {
    const options = after === undefined ? { limit: PAGE } : { after, limit: PAGE };
    const { entries, more } = store.omapList(c, oid, options);
    out.push(...entries);
    if (!more) return out;
  }
}

async function getBytes(store: BlockStore, { c, oid }: Found, file?: string): Promise<void> {
  const { size } = store.stat(c, oid)!;
  const to = file === undefined || file === '-' ? undefined : await open(file, 'w');
  try {
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const data = await store.read(c, oid, at, CHUNK_BYTES);
      if (to) await to.writeFile(data);
      else await output(data);
    }
  } finally {
    await to?.close();
  }
}

function output(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(bytes, (e) => (e ? reject(e) : resolve())),
  );
}

function lines(names: readonly string[]): Promise<void> {
  return output(Buffer.from(names.map((name) => `${nameText(name)}\n`).join('')));
}

async function input(file = '-'): Promise<Buffer> {
  const parts: Buffer[] = [];
  const stream = file === '-' ? process.stdin : createReadStream(file);
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** The byte string of a word of the command line. */
function nameOf(word: string): string {
  return Buffer.from(word, 'utf8').latin1Slice();
}

function sizeOf(word: string): number {
  if (!/^\d+$/.test(word)) throw new UsageError(`store: set-size takes a number, not '${word}'`);
  return Number(word);
}
