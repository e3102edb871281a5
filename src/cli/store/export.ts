import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CephError } from '../../errors/index.ts';
import { newestMap, storeOwner } from '../../osd/index.ts';
import { syncDirectory } from '../../runtime-node/index.ts';
import { type BlockStore, objectText } from '../../store/index.ts';
import { formatPgId, type HObject } from '../../wire/index.ts';
import { type ExportHead, encodeData, encodeEntries, encodeObject } from './export-content.ts';
import { SECTION, SectionWriter } from './export-sections.ts';
import { everything, pgsOf } from './objects.ts';
import { mib, type Progress } from './progress.ts';
import type { Request } from './words.ts';

const CHUNK_BYTES = 2 ** 20;
const ENTRIES = 500;

/**
 * `export`: the PG with everything that is in it, to a file that was not there before. A file that is not finished is
 * taken away again.
 * @param maps the store of the OSD's shard 0
 */
export async function exportPg(
  store: BlockStore,
  maps: BlockStore,
  request: Request,
  progress: Progress,
): Promise<void> {
  const pgid = request.pgid!;
  const file = request.file!;
  const [c] = pgsOf(store, request);
  const { fsid, osd, newest } = storeOwner(maps);
  const map = newestMap(maps);
  const seen = storeOwner(store).newest;
  if (seen !== newest) {
    const what = `this shard has seen epoch ${seen}, and the OSD ${newest}`;
    throw new CephError('ESTALE', `${what}: let it run once before`);
  }
  const fd = create(file);
  try {
    let written = 0;
    const sections = new SectionWriter((bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      written += bytes.length;
    });
    const head: ExportHead = { cluster: fsid, osd, pgid: formatPgId(pgid), epoch: newest };
    sections.add(SECTION.head, Buffer.from(JSON.stringify(head)));
    sections.add(SECTION.map, map);
    let objects = 0;
    for (const oid of everything(store, c!)) {
      progress.check();
      await exportObject(store, c!, oid, sections);
      objects++;
      progress.show(() => `${objects} objects, ${mib(written)} written`);
    }
    sections.add(SECTION.end, Buffer.from(String(objects)));
    fsyncSync(fd);
    closeSync(fd);
    await syncDirectory(dirname(file));
    process.stderr.write(`Export successful: ${objects} objects, ${written} bytes\n`);
  } catch (e) {
    rmSync(file, { force: true });
    throw e;
  }
}

function create(file: string): number {
  try {
    return openSync(file, 'wx');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CephError('EEXIST', `${file} exists`, { cause });
  }
}

async function exportObject(
  store: BlockStore,
  c: string,
  oid: HObject,
  sections: SectionWriter,
): Promise<void> {
  const { size } = store.stat(c, oid)!;
  const attrs = store.getattrs(c, oid);
  sections.add(
    SECTION.object,
    encodeObject({ oid, size, attrs, omapHeader: store.omapHeader(c, oid) }),
  );
  try {
    for (const range of store.extents(c, oid, 0, size)) {
      for (let at = 0; at < range.length; at += CHUNK_BYTES) {
        const offset = range.offset + at;
        const length = Math.min(CHUNK_BYTES, range.length - at);
        const data = await store.read(c, oid, offset, length);
        sections.add(SECTION.data, encodeData(offset, data));
      }
    }
    for (let after: string | undefined; ; ) {
      const options = after === undefined ? { limit: ENTRIES } : { after, limit: ENTRIES };
      const { entries, more } = store.omapList(c, oid, options);
      if (entries.length > 0) sections.add(SECTION.omap, encodeEntries(new Map(entries)));
      if (!more) return;
      after = entries.at(-1)![0];
    }
  } catch (cause) {
    if (!(cause instanceof CephError)) throw cause;
    throw new CephError(cause.errno, `${objectText(c, oid)}: ${cause.message}`, { cause });
  }
}
