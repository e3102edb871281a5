/** glibc's words; Node's own differ. */
const STRERROR: Readonly<Record<number, string>> = {
  1: 'Operation not permitted',
  2: 'No such file or directory',
  5: 'Input/output error',
  12: 'Cannot allocate memory',
  13: 'Permission denied',
  16: 'Device or resource busy',
  17: 'File exists',
  18: 'Invalid cross-device link',
  20: 'Not a directory',
  21: 'Is a directory',
  22: 'Invalid argument',
  23: 'Too many open files in system',
  24: 'Too many open files',
  27: 'File too large',
  28: 'No space left on device',
  30: 'Read-only file system',
  34: 'Numerical result out of range',
  36: 'File name too long',
  38: 'Function not implemented',
  39: 'Directory not empty',
  40: 'Too many levels of symbolic links',
  75: 'Value too large for defined data type',
  95: 'Operation not supported',
  122: 'Disk quota exceeded',
};

/** An errno of either sign as Ceph prints it: `(2) No such file or directory`. Source: cpp_strerror, common/errno.h. */
export function strerror(errno: number): string {
  const positive = Math.abs(errno);
  return `(${positive}) ${STRERROR[positive] ?? `Unknown error ${positive}`}`;
}
