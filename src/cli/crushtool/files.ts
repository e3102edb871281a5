import { readFileSync } from 'node:fs';
import { type CrushMap, decodeCrushMap } from '../../crush/index.ts';
import { strerror, systemErrno, ToolFailure, type ToolIo, writeWhole } from '../tool-io.ts';

/** The name our messages begin with; scripts look for Ceph's. */
export const ME = 'crushtool';

/** A file's bytes. @throws ToolFailure in the words of crushtool */
function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (e) {
    const errno = systemErrno(e);
    const isRead = (e as NodeJS.ErrnoException).syscall === 'read';
    const what = isRead
      ? `bufferlist::read_file(${path}): read error:${strerror(errno)}`
      : `can't open ${path}: ${strerror(errno)}`;
    throw new ToolFailure(`${ME}: error reading '${path}': ${what}`);
  }
}

/** The map in a file, or on standard input for `-`. @throws ToolFailure */
export function readMap(path: string, io: ToolIo): CrushMap {
  const bytes = path === '-' ? readStdin(io) : readBytes(path);
  return decoded(path, bytes);
}

/** The map in a file, whatever its name. @throws ToolFailure */
export function readMapFile(path: string): CrushMap {
  return decoded(path, readBytes(path));
}

function decoded(path: string, bytes: Uint8Array): CrushMap {
  try {
    return decodeCrushMap(bytes);
  } catch {
    // Ceph says no more either, and scripts compare the line.
    throw new ToolFailure(`${ME}: unable to decode ${path}`);
  }
}

function readStdin(io: ToolIo): Uint8Array {
  if (io.isStdinTerminal) throw new ToolFailure('stdin must not be from a tty');
  try {
    return io.stdin();
  } catch {
    throw new ToolFailure('error reading data from STDIN');
  }
}

/** A whole text of ours, from a file or standard input for `-`. @throws ToolFailure */
export function readText(path: string, io: ToolIo): string {
  const bytes = path === '-' ? readStdin(io) : readBytes(path);
  return Buffer.from(bytes).toString('utf8');
}

/** Writes a text of ours, to a file or standard output for `-`. @throws ToolFailure */
export function writeText(path: string, text: string, io: ToolIo): void {
  if (path === '-') return io.out(text);
  try {
    writeWhole(path, text);
  } catch (e) {
    throw new ToolFailure(`${ME}: error writing '${path}': ${strerror(systemErrno(e))}`);
  }
}
