import { CephError } from '../../errors/index.ts';
import { META, pgMeta } from '../../osd/index.ts';
import { type BlockStore, nameText, objectText } from '../../store/index.ts';
import {
  compareHObject,
  formatPgId,
  HOBJECT_MIN,
  type HObject,
  parsePgId,
  SNAP_HEAD,
} from '../../wire/index.ts';
import { notFound, type Request } from './words.ts';

const PAGE = 1000;

/** An object in a PG. */
export interface Found {
  readonly c: string;
  readonly oid: HObject;
}

/** PGs of a store, or the one asked for. @throws CephError ENOENT */
export function pgsOf(store: BlockStore, request: Request): string[] {
  const all = store.collections().filter((c) => c !== META);
  if (!request.pgid) return all;
  const one = formatPgId(request.pgid);
  if (!all.includes(one)) throw notFound(one);
  return [one];
}

/** Everything in a PG but the PG's own object. */
export function* objectsOf(store: BlockStore, c: string): Generator<HObject> {
  const own = pgMeta(parsePgId(c)!);
  for (const oid of everything(store, c)) if (compareHObject(oid, own) !== 0) yield oid;
}

export function* everything(store: BlockStore, c: string): Generator<HObject> {
  for (let from: HObject | undefined = HOBJECT_MIN; from; ) {
    const page: { objects: HObject[]; next: HObject | undefined } = store.list(c, from, PAGE);
    yield* page.objects;
    from = page.next;
  }
}

/**
 * The object that a word names: JSON as `list` prints it (the object alone with --pgid), a name, or '' for the PG's own.
 * @throws CephError ENOENT, EINVAL when several have the name
 */
export function resolveObject(store: BlockStore, request: Request, word: string): Found {
  if (word === '') return ownObject(store, request);
  const json = jsonOf(word);
  const wanted = json ? json.fields : { oid: word };
  const scope = json?.c === undefined ? request : { ...request, pgid: undefined };
  const found: Found[] = [];
  for (const c of pgsOf(store, scope)) {
    if (json?.c !== undefined && json.c !== c) continue;
    for (const oid of objectsOf(store, c))
      if (matches(oid, wanted, request)) found.push({ c, oid });
  }
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new CephError('ENOENT', `No object id '${word}' found or invalid JSON specified`);
  }
  const lines = found.map(({ c, oid }) => `\n${objectText(c, oid)}`).join('');
  throw new CephError(
    'EINVAL',
    `Found ${found.length} objects with id '${word}', use one of:${lines}`,
  );
}

function ownObject(store: BlockStore, request: Request): Found {
  if (!request.pgid) throw new CephError('EINVAL', "the object '' is a PG's own: give --pgid");
  return { c: pgsOf(store, request)[0]!, oid: pgMeta(request.pgid) };
}

interface Wanted {
  readonly oid?: unknown;
  readonly key?: unknown;
  readonly snapid?: unknown;
  readonly namespace?: unknown;
}

function jsonOf(word: string): { c: string | undefined; fields: Wanted } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch {
    return undefined; // a name then
  }
  if (Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'object') {
    return { c: value[0], fields: value[1] as Wanted };
  }
  return typeof value === 'object' && value !== null ? { c: undefined, fields: value } : undefined;
}

/** Whether an object is the one wanted; the name of an option decides over namespaces where the word says none. */
export function matches(oid: HObject, wanted: Wanted, request: Request): boolean {
  if (nameText(oid.name) !== wanted.oid) return false;
  const namespace = wanted.namespace ?? request.namespace;
  if (namespace !== undefined && nameText(oid.namespace) !== namespace) return false;
  if (wanted.key !== undefined && nameText(oid.key) !== wanted.key) return false;
  const snapid = oid.snap === SNAP_HEAD ? -2 : Number(BigInt.asIntN(64, oid.snap));
  return wanted.snapid === undefined || wanted.snapid === snapid;
}
