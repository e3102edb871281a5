import { existsSync, readFileSync, statSync } from 'node:fs';

/**
 * `hdd` when the disk that a path is, or is on, says it rotates, else `ssd`. Source: the kernel's queue/rotational, which
 * Ceph's BlueStore reads too; a partition has it one folder up.
 */
export function deviceClassOf(path: string): 'hdd' | 'ssd' {
  const stat = statSync(path);
  const dev = stat.isBlockDevice() ? stat.rdev : stat.dev;
  // The kernel's packing of a device number in 64 bits (makedev(3)).
  const major = ((dev >>> 8) & 0xfff) | (Math.floor(dev / 2 ** 32) & 0xfffff000);
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
  for (const file of ['queue/rotational', '../queue/rotational']) {
    const name = `/sys/dev/block/${major}:${minor}/${file}`;
    if (existsSync(name)) return readFileSync(name, 'utf8').trim() === '1' ? 'hdd' : 'ssd';
  }
  return 'ssd';
}
