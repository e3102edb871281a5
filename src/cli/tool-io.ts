/**
 * Where a command that stands in for one of Ceph's own tools reads and writes: the two streams in the order they were
 * written, and whole files.
 */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { isatty } from 'node:tty';

export { strerror } from '../errors/index.ts';

/** Ends a tool: `message` and a newline on stderr, then this exit status. An empty message prints nothing. */
export class ToolFailure extends Error {
  readonly status: number;
  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** The streams of a tool. */
export interface ToolIo {
  out(text: string | Uint8Array): void;
  /** Whatever went to `out` before is written first. */
  err(text: string): void;
  /** True once nobody reads `out` any more; what is written then is dropped. */
  readonly isOutClosed: boolean;
  /** All of standard input. */
  stdin(): Uint8Array;
  readonly isStdinTerminal: boolean;
  flush(): void;
}

/**
 * Runs the body of a tool.
 * @returns its exit status, or that of the {@link ToolFailure} it threw, whose message it prints
 */
export async function runTool(io: ToolIo, body: () => number | Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (e) {
    if (!(e instanceof ToolFailure)) throw e;
    if (e.message !== '') io.err(`${e.message}\n`);
    return e.status;
  } finally {
    io.flush();
  }
}

const CHUNK_CHARS = 1 << 16;

/** The process's own streams, written synchronously: a signal ends the tool at once and nothing is left behind. */
export function processIo(): ToolIo {
  let pending = '';
  let isOutClosed = false;
  const flush = (): void => {
    const text = pending;
    pending = '';
    if (text !== '' && !isOutClosed) isOutClosed = !writeAll(1, Buffer.from(text));
  };
  return {
    out(text) {
      if (typeof text === 'string') {
        pending += text;
        if (pending.length >= CHUNK_CHARS) flush();
        return;
      }
      flush();
      if (!isOutClosed) isOutClosed = !writeAll(1, text);
    },
    err(text) {
      flush();
      writeAll(2, Buffer.from(text));
    },
    get isOutClosed() {
      return isOutClosed;
    },
    stdin: () => readFileSync(0),
    isStdinTerminal: isatty(0),
    flush,
  };
}

/** @returns false when nobody reads */
function writeAll(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === 'EPIPE') return false;
      if (code !== 'EAGAIN') throw e;
      // A pipe that another process made non-blocking is full: wait for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

/**
 * Writes a whole file so that no half of it is ever seen under its name: beside it first, then renamed over it. What
 * cannot be replaced (a device, a pipe, a file in a directory we may not write) is written in place.
 * @throws the system's error
 */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const old = statSync(path, { throwIfNoEntry: false });
  if (old && !old.isFile()) return writeFileSync(path, bytes);
  const target = old ? realpathSync(path) : path;
  const beside = `${target}.${process.pid}.tmp`;
  let fd: number;
  try {
    fd = openSync(beside, 'wx', 0o644);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (old && (code === 'EACCES' || code === 'EPERM')) return writeFileSync(path, bytes);
    throw e;
  }
  try {
    if (old) fchmodSync(fd, old.mode & 0o777);
    writeFileSync(fd, bytes);
    fsyncSync(fd);
    closeSync(fd);
    renameSync(beside, target);
  } catch (e) {
    unlinkSync(beside);
    throw e;
  }
}

/** The positive errno of a failed system call. Anything else is thrown on. */
export function systemErrno(e: unknown): number {
  const { errno } = e as NodeJS.ErrnoException;
  if (typeof errno !== 'number') throw e;
  return Math.abs(errno);
}
