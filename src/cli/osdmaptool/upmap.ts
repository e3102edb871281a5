import { writeFileSync } from 'node:fs';
import { calcPgUpmaps, checkPgUpmaps } from '../../balancer/index.ts';
import { general } from '../../codec/index.ts';
import { CRUSH_ITEM_NONE } from '../../crush/index.ts';
import type { Incremental, OSDMap } from '../../maps/index.ts';
import { parsePgId } from '../../wire/index.ts';
import { strerror, systemErrno, ToolFailure, type ToolIo } from '../tool-io.ts';
import type { Request } from './request.ts';
import type { WorkingMap } from './working-map.ts';

type UpmapChange = Pick<
  Incremental,
  'newPgUpmap' | 'oldPgUpmap' | 'newPgUpmapItems' | 'oldPgUpmapItems'
>;

/** Cleans and evens out upmaps, as asked, and writes the commands that would do it. @throws ToolFailure */
export function upmaps(r: Request, map: WorkingMap, io: ToolIo): void {
  if (!r.upmapCleanup) return;
  const sink = new CommandSink(r.upmapFile, io);
  io.out('checking for upmap cleanups\n');
  const cleanup = cleanupOf(map.osdmap);
  if (cleanup) {
    sink.write(commands(cleanup));
    map.advance(cleanup);
  }
  if (r.upmap) evenOut(r, map, io, sink);
}

/** Where commands go: with the other output, or to a file of their own. */
class CommandSink {
  private readonly path: string;
  private readonly io: ToolIo;

  constructor(path: string, io: ToolIo) {
    this.path = path;
    this.io = io;
    if (path === '-') return;
    this.toFile('', 'w');
    io.out(`writing upmap command output to: ${path}\n`);
  }

  write(text: string): void {
    if (this.path === '-') this.io.out(text);
    else this.toFile(text, 'a');
  }

  /** A log of commands, not a map: it grows while the search goes on. */
  private toFile(text: string, flag: string): void {
    try {
      writeFileSync(this.path, text, { flag });
    } catch (e) {
      throw new ToolFailure(`error opening ${this.path}: ${strerror(systemErrno(e))}`);
    }
  }
}

function cleanupOf(map: OSDMap): UpmapChange | undefined {
  const { cancel, replace } = checkPgUpmaps(map);
  if (cancel.length === 0 && replace.size === 0) return undefined;
  return {
    newPgUpmap: new Map(),
    oldPgUpmap: new Set(inOrder(cancel.filter((pg) => map.data.pgUpmap.has(pg)))),
    newPgUpmapItems: new Map(inOrder(replace.keys()).map((pg) => [pg, replace.get(pg)!])),
    oldPgUpmapItems: new Set(inOrder(cancel.filter((pg) => map.data.pgUpmapItems.has(pg)))),
  };
}

function inOrder(pgs: Iterable<string>): string[] {
  const seen = [...pgs].map((key) => ({ key, pg: parsePgId(key)! }));
  seen.sort((a, b) => a.pg.pool - b.pg.pool || a.pg.seed - b.pg.seed);
  return seen.map(({ key }) => key);
}

/** The commands of the `ceph` tool that make a change. */
function commands(change: UpmapChange): string {
  const lines: string[] = [];
  for (const pg of change.oldPgUpmap) lines.push(`rm-pg-upmap ${pg}`);
  for (const [pg, osds] of change.newPgUpmap) lines.push(`pg-upmap ${pg} ${osds.join(' ')}`);
  for (const pg of change.oldPgUpmapItems) lines.push(`rm-pg-upmap-items ${pg}`);
  for (const [pg, items] of change.newPgUpmapItems) {
    lines.push(`pg-upmap-items ${pg} ${items.flat().join(' ')}`);
  }
  return lines.map((line) => `ceph osd ${line}\n`).join('');
}

function evenOut(r: Request, map: WorkingMap, io: ToolIo, sink: CommandSink): void {
  io.out(`upmap, max-count ${r.upmapMax}, max deviation ${r.upmapDeviation}\n`);
  const pools = poolsOf(r, map, io);
  if (pools.length === 0) {
    io.out('No pools available\n');
    return;
  }
  const started = performance.now();
  let rounds = 0;
  while (evenOutOnce(r, map, io, sink, pools, rounds)) {
    if (!r.upmapActive) return;
    rounds++;
  }
  io.out('Unable to find further optimization, or distribution is already perfect\n');
  if (!r.upmapActive) return;
  io.out(pgsPerOsd(map.osdmap, r.upmapPools.size > 0 ? pools : undefined));
  io.out(`Total time elapsed ${seconds(started)} secs, ${rounds} rounds\n`);
}

/** @returns whether there was anything to do */
function evenOutOnce(
  r: Request,
  map: WorkingMap,
  io: ToolIo,
  sink: CommandSink,
  pools: readonly number[],
  seed: number,
): boolean {
  io.out(`pools ${pools.map((id) => `${map.osdmap.poolName(id) ?? ''} `).join('')}\n`);
  const begun = performance.now();
  const { upmapMax: maxChanges, upmapDeviation: maxDeviation } = r;
  const changes = calcPgUpmaps(map.osdmap, { maxChanges, maxDeviation, pools, seed });
  io.out(`prepared ${changes.length}/${maxChanges} changes\n`);
  if (r.upmapActive) io.out(`Time elapsed ${seconds(begun)} secs\n`);
  if (changes.length === 0) return false;
  const gone = changes.filter(({ items }) => items.length === 0);
  const set = changes.filter(({ items }) => items.length > 0);
  const change: UpmapChange = {
    newPgUpmap: new Map(),
    oldPgUpmap: new Set(),
    newPgUpmapItems: new Map(set.map(({ pgid, items }) => [pgid, [...items]])),
    oldPgUpmapItems: new Set(gone.map(({ pgid }) => pgid)),
  };
  sink.write(commands(change));
  if (r.save || r.upmapActive) map.advance(change);
  if (r.save) map.modified = true;
  return true;
}

const seconds = (since: number): string => general((performance.now() - since) / 1000);

/** Pools to even out, in the order of their ids. */
function poolsOf(r: Request, map: WorkingMap, io: ToolIo): number[] {
  if (r.upmapPools.size === 0) return [...map.data.pools.keys()].sort((a, b) => a - b);
  const names = [...r.upmapPools].sort();
  const ids = names.map((name) => {
    const found = map.osdmap.poolByName(name);
    if (!found) throw new ToolFailure(` pool ${name} does not exist`);
    return found.id;
  });
  io.out(` limiting to pools ${names.join(',')} ([${ids.join(',')}])\n`);
  return ids;
}

function pgsPerOsd(map: OSDMap, pools: readonly number[] | undefined): string {
  const counts = new Map<number, number>();
  for (const pg of map.pgs()) {
    if (pools && !pools.includes(pg.pool)) continue;
    for (const osd of new Set(map.pgToUpActing(pg).up)) {
      if (osd !== CRUSH_ITEM_NONE) counts.set(osd, (counts.get(osd) ?? 0) + 1);
    }
  }
  return [...counts]
    .sort((a, b) => a[0] - b[0])
    .map(([osd, count]) => `osd.${osd} pgs ${count}\n`)
    .join('');
}
