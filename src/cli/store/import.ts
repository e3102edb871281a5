import { statSync } from 'node:fs';
import { CephError } from '../../errors/index.ts';
import {
  adoptPgMeta,
  boundsFor,
  hintOps,
  pgInfo,
  pgMeta,
  readPartition,
  shardOf,
  storeOwner,
} from '../../osd/index.ts';
import { nativeCrc32c } from '../../runtime-node/index.ts';
import type { BlockStore, StoreOp } from '../../store/index.ts';
import { compareHObject, type HObject, type PgId, parsePgId } from '../../wire/index.ts';
import {
  decodeData,
  decodeEntries,
  decodeObject,
  type ExportedObject,
  type ExportHead,
} from './export-content.ts';
import { readSections, SECTION, type Section } from './export-sections.ts';
import { mib, type Progress } from './progress.ts';
import { removeObjects } from './remove.ts';
import type { Request } from './words.ts';

/**
 * `import`: the PG of a file, into a store of the same cluster that does not have it. The whole file is read and checked
 * before anything is written. The PG's own object comes last, in one transaction: a PG without it is none, neither for
 * the OSD, which removes it, nor for the next import, so nothing is ever half there.
 * @param maps the store of the OSD's shard 0
 */
export async function importPg(
  store: BlockStore,
  maps: BlockStore,
  request: Request,
  progress: Progress,
): Promise<void> {
  const file = request.file!;
  const total = statSync(file).size;
  const { head, map } = verify(file, (done) => {
    progress.check();
    progress.show(() => `checking: ${mib(done)} of ${mib(total)}`);
  });
  const pgid = admit(store, request, head);
  const c = head.pgid;
  const own = pgMeta(pgid);
  const meta = new PgMeta(own);
  // Refused for its epoch before anything is written: the entries that decide are in the file's first object.
  for (const section of readSections(file)) meta.look(section);
  const entries = adoptPgMeta(store, pgid, meta.entries, map, nativeCrc32c, maps);
  if (request.dryRun) {
    process.stderr.write(`Would import pgid ${c}\n`);
    return;
  }
  process.stderr.write(`Importing pgid ${c}\n`);
  try {
    if (store.hasCollection(c)) await removeObjects(store, c, progress);
    await store.submit([{ op: 'mkcoll', c, bounds: boundsFor(pgid, entries) }]);
    await fill(store, c, own, file, (done) => {
      progress.check();
      progress.show(() => `${mib(done)} of ${mib(total)}`);
    });
    await store.submit([...meta.ops(c), { op: 'omapSet', c, oid: own, entries }]);
  } catch (e) {
    if (store.hasCollection(c)) await removeObjects(store, c);
    throw e;
  }
  process.stderr.write('Import successful\n');
}

/** Reads all of a file. @throws CephError EINVAL */
function verify(file: string, read: (done: number) => void): { head: ExportHead; map: Buffer } {
  let head: ExportHead | undefined;
  let map: Buffer | undefined;
  let objects = 0;
  for (const { type, content, end } of readSections(file)) {
    read(end);
    if (type === SECTION.head) head = JSON.parse(content.toString('utf8')) as ExportHead;
    else if (type === SECTION.map) map = content;
    else if (type === SECTION.object) objects++;
    else if (type === SECTION.end && Number(content.toString('utf8')) !== objects) {
      throw new CephError('EINVAL', `${file} has ${objects} of ${content} objects`);
    }
  }
  if (!head || !map) throw new CephError('EINVAL', `${file} does not say what it holds`);
  return { head, map };
}

/** @throws CephError EEXIST, EXDEV for another cluster, EINVAL for another PG than asked for */
function admit(store: BlockStore, request: Request, head: ExportHead): PgId {
  const pgid = parsePgId(head.pgid);
  if (!pgid) throw new CephError('EINVAL', `the export is of '${head.pgid}', which is no PG`);
  const { fsid } = storeOwner(store);
  if (head.cluster !== fsid) {
    throw new CephError('EXDEV', `the export is of cluster ${head.cluster}, the store of ${fsid}`);
  }
  const { index, count } = readPartition(store);
  if (shardOf(pgid, count) !== index) {
    const right = `of shard ${shardOf(pgid, count)}`;
    throw new CephError('EINVAL', `pgid ${head.pgid} belongs into the store ${right}`);
  }
  const { pgid: asked } = request;
  if (asked && (asked.pool !== pgid.pool || asked.seed !== pgid.seed)) {
    throw new CephError('EINVAL', `the export is of pgid ${head.pgid}`);
  }
  if (store.hasCollection(head.pgid) && pgInfo(store, pgid)) {
    throw new CephError('EEXIST', `pgid ${head.pgid} already exists`);
  }
  return pgid;
}

/** What an export has of the PG's own object. */
class PgMeta {
  readonly entries = new Map<string, Uint8Array>();
  private object: ExportedObject | undefined;
  private isIn = false;
  private readonly own: HObject;

  constructor(own: HObject) {
    this.own = own;
  }

  look({ type, content }: Section): void {
    if (type === SECTION.object) {
      const object = decodeObject(content);
      this.isIn = compareHObject(object.oid, this.own) === 0;
      if (this.isIn) this.object = object;
    } else if (this.isIn && type === SECTION.omap) {
      for (const [key, value] of decodeEntries(content)) this.entries.set(key, value);
    }
  }

  ops(c: string): StoreOp[] {
    return [{ op: 'setattrs', c, oid: this.own, attrs: this.object?.attrs ?? new Map() }];
  }
}

/** Writes every object but the PG's own. */
async function fill(
  store: BlockStore,
  c: string,
  own: HObject,
  file: string,
  read: (done: number) => void,
): Promise<void> {
  let object: ExportedObject | undefined;
  let pending: Promise<void> = Promise.resolve();
  for (const { type, content, end } of readSections(file)) {
    read(end);
    if (type === SECTION.object) {
      const next = decodeObject(content);
      object = compareHObject(next.oid, own) === 0 ? undefined : next;
    }
    const ops = object ? opsOf(c, object, type, content) : [];
    if (ops.length === 0) continue;
    // One under way while the next is read and checked.
    await pending;
    pending = store.submit(ops);
    pending.catch(() => {}); // awaited with the next
  }
  await pending;
}

function opsOf(c: string, object: ExportedObject, type: number, content: Buffer): StoreOp[] {
  const { oid, size, attrs, omapHeader } = object;
  switch (type) {
    case SECTION.object:
      return [
        { op: 'truncate', c, oid, size },
        ...hintOps(c, oid, attrs),
        { op: 'setattrs', c, oid, attrs },
        ...(omapHeader ? [{ op: 'omapSetHeader' as const, c, oid, header: omapHeader }] : []),
      ];
    case SECTION.data:
      return [{ op: 'write', c, oid, ...decodeData(content) }];
    case SECTION.omap:
      return [{ op: 'omapSet', c, oid, entries: decodeEntries(content) }];
    default:
      return [];
  }
}
