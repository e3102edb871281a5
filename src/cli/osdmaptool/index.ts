/**
 * `sepiola osdmaptool`: makes, changes, shows and tests an OSDMap in a file, with the words, output and exit status of
 * osdmaptool. Source: tools/osdmaptool.cc, release 16.2.
 */
import { existsSync, readFileSync } from 'node:fs';
import { blankOSDMap } from '../../maps/index.ts';
import { wantsUsage } from '../ceph-args.ts';
import { type ToolConfig, takeCommonOptions } from '../tool-config.ts';
import { processIo, runTool, strerror, systemErrno, ToolFailure, type ToolIo } from '../tool-io.ts';
import type { Tool } from '../usage.ts';
import { adjustCrushWeights, clearTemps, exportCrush, importCrush, markOsds } from './change.ts';
import { decoded, ME, readMap, STATUS_NO_MAP, writeBytes } from './files.ts';
import { makeMap } from './make.ts';
import { mapAll, mapForever, mapOne } from './map-pgs.ts';
import { hasAction, type Request } from './request.ts';
import { show } from './show.ts';
import { upmaps } from './upmap.ts';
import { USAGE } from './usage.ts';
import { readWords } from './words.ts';
import { WorkingMap } from './working-map.ts';

export const osdmaptool: Tool = {
  words: 'osdmaptool ...',
  about: 'Make, change, show and test an OSDMap in a file.',
  run: async (words) => {
    const io = processIo();
    return runTool(io, () => runOsdmaptool(words, io));
  },
};

/** One run of the tool. @returns its exit status @throws ToolFailure */
export function runOsdmaptool(words: readonly string[], io: ToolIo): number {
  if (words.length === 0) throw new ToolFailure(`${ME}: -h or --help for usage`);
  if (wantsUsage(words)) {
    io.out(USAGE);
    return 1;
  }
  const common = takeCommonOptions(words, io);
  if (!common) return 0;
  const { left, config } = common;
  const r = readWords(left);
  const path = checked(r, io);
  if (r.rangeFirst >= 0 && r.rangeLast >= 0) return decodeRange(path, r, io);
  io.err(`${ME}: osdmap file '${path}'\n`);
  const map = begin(path, r, config);
  markOsds(r, map, io);
  adjustCrushWeights(r, map, io);
  clearTemps(r, map, io);
  upmaps(r, map, io);
  importCrush(r, map, io);
  exportCrush(r, map, io);
  mapOne(r, map, io);
  mapAll(r, map, io);
  mapForever(r, map, io);
  if (!hasAction(r) && !map.modified) refuse(`${ME}: no action specified?`, io);
  if (map.modified) map.set({ epoch: map.data.epoch + 1 });
  show(r, map, io);
  if (!map.modified) return 0;
  io.out(`${ME}: writing epoch ${map.data.epoch} to ${path}\n`);
  const why = writeBytes(path, map.encode(), io);
  if (why === undefined) return 0;
  throw new ToolFailure(`${ME}: error writing to '${path}': ${why}`);
}

/** Bad words: the message, the usage, exit status 1. */
function refuse(message: string, io: ToolIo): never {
  io.err(`${message}\n`);
  io.out(USAGE);
  throw new ToolFailure('');
}

function checked(r: Request, io: ToolIo): string {
  const [path, more] = r.left;
  if (path === undefined) return refuse(`${ME}: must specify osdmap filename`, io);
  if (more !== undefined) refuse(`${ME}: too many arguments`, io);
  if (r.upmapDeviation < 1) refuse(`${ME}: upmap-deviation must be >= 1`, io);
  return path;
}

/** The map to work on: made, read, or blank when it is to be overwritten. */
function begin(path: string, r: Request, config: ToolConfig): WorkingMap {
  const isMade = r.createSimple !== undefined || r.createFromConf;
  if (!isMade) return new WorkingMap(r.clobber ? blankOSDMap() : readMap(path));
  if (!r.clobber && existsSync(path)) {
    throw new ToolFailure(`${ME}: ${path} exists, --clobber to overwrite`, STATUS_NO_MAP);
  }
  const map = new WorkingMap(makeMap(r, config));
  map.modified = true;
  return map;
}

/** --range-first and --range-last: decodes the maps of a directory, one after the other. */
function decodeRange(directory: string, r: Request, io: ToolIo): number {
  for (let epoch = r.rangeFirst; epoch <= r.rangeLast; epoch++) {
    const path = `${directory}/${epoch}`;
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch (e) {
      throw new ToolFailure(`unable to read ${path}: ${strerror(systemErrno(e))}`);
    }
    io.out(`${path} got ${bytes.length} bytes\n`);
    decoded(path, bytes);
  }
  return 0;
}
