import { type ClusterDir, type ClusterFile, osdIds } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { type Parsed, UsageError } from '../usage.ts';

/** The id that the second word names: `1` or `osd.1`. @throws UsageError */
export function osdIdOf(args: Parsed): number {
  const word = args.positionals[1]!;
  const digits = /^(?:osd\.)?(\d{1,9})$/.exec(word)?.[1];
  if (digits === undefined) throw new UsageError(`'${word}' is not an OSD's id`);
  return Number(digits);
}

/** @throws CephError ENOENT */
export function needOsd(dir: ClusterDir, cluster: ClusterFile, id: number): void {
  if (osdIds(cluster).includes(id)) return;
  throw new CephError('ENOENT', `the cluster in ${dir.path} has no osd.${id}`);
}
