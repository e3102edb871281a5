import { readFileSync } from 'node:fs';
import { decodeCrushMap } from '../../crush/index.ts';
import { DecodeError } from '../../errors/index.ts';
import { OSDMap, type OSDMapData } from '../../maps/index.ts';
import { strerror, systemErrno, ToolFailure, type ToolIo, writeWhole } from '../tool-io.ts';

/** The name our messages begin with; scripts look for Ceph's. */
export const ME = 'osdmaptool';
/** Exit status of a map that cannot be read, or must not be overwritten. */
export const STATUS_NO_MAP = 255;

/** The map in a file. @throws ToolFailure */
export function readMap(path: string): OSDMapData {
  const bytes = readBytes(path, (why) => {
    throw new ToolFailure(`${ME}: couldn't open ${path}: ${why}`, STATUS_NO_MAP);
  });
  return decoded(path, bytes).data;
}

/** The map that these bytes of a file are. @throws ToolFailure */
export function decoded(path: string, bytes: Uint8Array): OSDMap {
  try {
    return OSDMap.decode(bytes);
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e;
    throw new ToolFailure(`${ME}: error decoding osdmap '${path}'`, STATUS_NO_MAP);
  }
}

/** The bytes of a CRUSH map that decodes, and what they say. @throws ToolFailure */
export function readCrush(path: string): { bytes: Uint8Array; maxDevices: number } {
  const bytes = readBytes(path, (why) => {
    throw new ToolFailure(`${ME}: error reading crush map from ${path}: ${why}`);
  });
  try {
    return { bytes, maxDevices: decodeCrushMap(bytes).maxDevices };
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e;
    throw new ToolFailure(`${ME}: ${path} is not a crush map: ${e.message}`);
  }
}

function readBytes(path: string, fail: (why: string) => never): Uint8Array {
  try {
    return readFileSync(path);
  } catch (e) {
    const why = strerror(systemErrno(e));
    const { syscall } = e as NodeJS.ErrnoException;
    return fail(
      syscall === 'read'
        ? `bufferlist::read_file(${path}): read error:${why}`
        : `can't open ${path}: ${why}`,
    );
  }
}

/** Writes a file that other tools read, whole or not at all. @returns what went wrong, after telling it; undefined: nothing */
export function writeBytes(path: string, bytes: Uint8Array, io: ToolIo): string | undefined {
  try {
    writeWhole(path, bytes);
    return undefined;
  } catch (e) {
    const why = strerror(systemErrno(e));
    io.err(`bufferlist::write_file(${path}): failed to open file: ${why}\n`);
    return why;
  }
}
