import { deviceLimit, encodeCrushMap } from '../../crush/index.ts';
import { wantsUsage } from '../ceph-args.ts';
import {
  processIo,
  runTool,
  strerror,
  systemErrno,
  ToolFailure,
  type ToolIo,
  writeWhole,
} from '../tool-io.ts';
import type { Tool } from '../usage.ts';
import { changeMap } from './change.ts';
import { ME } from './files.ts';
import { inputMap, layerWords } from './input.ts';
import { hasAction, type Request, sourceCount } from './request.ts';
import { showMap } from './show.ts';
import { DATA_FILES, USAGE } from './usage.ts';
import { readWords } from './words.ts';

/**
 * `sepiola crushtool`: the words, files, streams and exit statuses of Ceph's crushtool 16.2, and maps as JSON and XML.
 * Source: tools/crushtool.cc, release 16.2.
 */
export const crushtool = {
  words: 'crushtool ...',
  about: 'Compile, edit, show and test CRUSH maps, in the words of the crushtool of Ceph.',
  run: (words: string[], io: ToolIo = processIo()) => runTool(io, () => runCrushtool(words, io)),
} satisfies Tool;

/** The body of the tool. @returns the exit status @throws ToolFailure */
export function runCrushtool(words: readonly string[], io: ToolIo): number {
  if (words.length === 0) throw new ToolFailure(`${ME}: -h or --help for usage`);
  if (wantsUsage(words)) {
    io.out(USAGE);
    return 0;
  }
  const r = readWords(words, io);
  if (r.wantsDataFiles) {
    io.out(DATA_FILES);
    return 0;
  }
  checkRequest(r, io);
  const { map, isNew } = inputMap(r, io);
  const isChanged = changeMap(map, r, io);
  showMap(map, r, io);
  if (!isNew && !isChanged) return 0;
  if (r.outfn === '') {
    io.out(`${ME} successfully built or modified map.  Use '-o <file>' to write it out.\n`);
    return 0;
  }
  map.maxDevices = deviceLimit(map); // ids that nothing has any more are given up, as when the map is read
  writeMap(r.outfn, encodeCrushMap(map), io);
  if (r.verbose) io.out(`wrote crush map to ${r.outfn}\n`);
  return 0;
}

function checkRequest(r: Request, io: ToolIo): void {
  const showsTest = r.display || r.outputCsv || r.check || r.compare !== '';
  if (r.test && !showsTest) {
    io.err('WARNING: no output selected; use --output-csv or --show-X\n');
  }
  if (sourceCount(r) > 1) {
    throw new ToolFailure('cannot specify more than one of compile, decompile, and build');
  }
  if (!hasAction(r)) throw new ToolFailure('no action specified; -h for help');
  if (r.build) layerWords(r.left, io);
  else if (r.left.length > 0) {
    throw new ToolFailure(`unrecognized arguments: [${r.left.join(',')}]`);
  }
}

function writeMap(path: string, bytes: Uint8Array, io: ToolIo): void {
  try {
    writeWhole(path, bytes);
  } catch (e) {
    const why = strerror(systemErrno(e));
    const isWrite = (e as NodeJS.ErrnoException).syscall === 'write';
    const what = isWrite ? 'write_fd(%): write_fd error' : 'write_file(%): failed to open file';
    io.err(`bufferlist::${what.replace('%', path)}: ${why}\n`);
    throw new ToolFailure(`${ME}: error writing '${path}': ${why}`);
  }
}
