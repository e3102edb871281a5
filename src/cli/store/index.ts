/**
 * `sepiola store`: looks into, checks, mends and moves the content of an OSD's store while the OSD does not run. Words,
 * options and output follow Ceph's ceph-objectstore-tool 16.2 where it has the same.
 */
import { once } from 'node:events';
import type { BlockStore } from '../../store/index.ts';
import type { Tool } from '../usage.ts';
import { check } from './check.ts';
import { exportPg } from './export.ts';
import { importPg } from './import.ts';
import { info, list, listPgs } from './list.ts';
import { objectCommand } from './object.ts';
import { withStore } from './open.ts';
import { storesFor, withMaps } from './partitions.ts';
import { Progress } from './progress.ts';
import { removePg } from './remove.ts';
import { statfs, stats } from './stats.ts';
import { OBJECT_COMMANDS, OPS, parseWords, type Request } from './words.ts';

export const storeTool: Tool = {
  words: 'store OP --data-path DIR/osd.N ... | store --data-path DIR/osd.N OBJECT COMMAND ...',
  about: "Checks, mends, lists, exports and imports an OSD's store while the OSD does not run.",
  run,
};

async function run(words: string[]): Promise<number> {
  if (words.length === 0 || words.includes('--help') || words.includes('-h')) {
    (words.length === 0 ? process.stderr : process.stdout).write(help());
    return words.length === 0 ? 22 : 0;
  }
  const request = parseWords(words);
  let status = 0;
  for (const dataPath of storesFor(request)) {
    const one = { ...request, dataPath };
    if (request.op === 'fsck' || request.op === 'repair') {
      status = Math.max(status, await check(one));
    } else await withStore(dataPath, (store) => perform(store, one));
  }
  return status;
}

async function perform(store: BlockStore, request: Request): Promise<void> {
  switch (request.op) {
    case undefined:
      return objectCommand(store, request);
    case 'list':
      return printAll(list(store, request));
    case 'list-pgs':
      return printAll([listPgs(store)]);
    case 'info':
      return printAll([info(store, request)]);
    case 'stats':
      return printAll([stats(store, request)]);
    case 'statfs':
      return printAll([statfs(store, request)]);
  }
  const progress = new Progress();
  try {
    const { dataPath } = request;
    if (request.op === 'import') {
      await withMaps(store, dataPath, (maps) => importPg(store, maps, request, progress));
    }
    if (request.op?.startsWith('export')) {
      await withMaps(store, dataPath, (maps) => exportPg(store, maps, request, progress));
    }
    if (request.op?.endsWith('remove')) await removePg(store, request, progress);
  } finally {
    progress.done();
  }
}

/** As fast as the reader takes it, so that a listing of millions does not pile up here; until it has seen enough. */
async function printAll(texts: Iterable<string>): Promise<void> {
  try {
    for (const text of texts) if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EPIPE') throw e;
  }
}

function help(): string {
  const row = (name: string, text: string) => `  ${name.padEnd(24)}${text}`;
  return [
    `usage: sepiola ${storeTool.words}`,
    '',
    storeTool.about,
    '',
    'OP, also as --op OP:',
    ...Object.entries(OPS).map(([name, text]) => row(name, text)),
    '',
    "COMMAND on one OBJECT (a name, the JSON that list prints, or '' for what a PG keeps of itself):",
    ...Object.entries(OBJECT_COMMANDS).map(([name, takes]) => row(name, takes).trimEnd()),
    '',
    '  --data-path DIR         the store: osd.N in the directory of a cluster, or osd.N/shard.I',
    '  --pgid PG               as 1.2f',
    '  --file FILE             for export and import',
    '  --namespace NS          of the OBJECT',
    '  --deep                  fsck and repair read all data',
    '  --discard               repair gives up what cannot be read',
    '  --force                 remove without an export',
    '  --dry-run               change nothing',
    '  --format FORMAT         json or json-pretty',
    '',
  ].join('\n');
}
