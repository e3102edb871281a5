/**
 * Errors that cross an interface. Uses nothing. An expected outcome carries an errno with Linux's numbers, since
 * peers see `-errno` on the wire; malformed bytes are a {@link DecodeError}; a broken invariant asserts.
 */

export { strerror } from './strerror.ts';

/** Linux errno numbers (asm-generic/errno.h) that Ceph's clients know by name. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EDOM: 33,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
  EOLDSNAPC: 85,
} as const;
export type ErrnoName = keyof typeof ERRNO;

const names = new Map<number, ErrnoName>();
for (const [name, number] of Object.entries(ERRNO)) names.set(number, name as ErrnoName);

/** The name of an errno given with either sign; `E<number>` where the table has none. */
export function errnoName(errno: number): string {
  return names.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`;
}

/** An expected failure with its errno. `message` holds the values that explain it, in one line. */
export class CephError extends Error {
  /** Positive errno. */
  readonly errno: number;
  readonly code: string;
  constructor(errno: ErrnoName | number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CephError';
    this.errno = typeof errno === 'string' ? ERRNO[errno] : Math.abs(errno);
    this.code = errnoName(this.errno);
  }
}

/** Bytes that do not decode. Ends the connection or the read that brought them, never the daemon. */
export class DecodeError extends Error {
  /** Byte offset in the buffer being decoded. */
  readonly offset: number;
  /** Path of type and field names from the outermost struct, filled as the error travels outwards. */
  where: string;
  readonly reason: string;
  constructor(reason: string, offset: number, where = '') {
    super(`${where || 'bytes'} at offset ${offset}: ${reason}`);
    this.name = 'DecodeError';
    this.reason = reason;
    this.offset = offset;
    this.where = where;
  }
  /** The same failure seen from one struct further out. */
  within(name: string): DecodeError {
    const where = this.where ? `${name}.${this.where}` : name;
    return new DecodeError(this.reason, this.offset, where);
  }
}

/** Stops the daemon when an invariant of ours is broken; never for input from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** For the default branch of an exhaustive switch: the compiler refuses a forgotten case. */
export function unreachable(value: never): never {
  throw new Error(`invariant broken: unreachable case ${JSON.stringify(value)}`);
}
