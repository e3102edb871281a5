/** The layout of the monitor's store: one place for every key, so that ranges cannot overlap by accident. */
const hex8 = (n: number): string => n.toString(16).padStart(8, '0');

/** What people choose of a key may be so long; the store's longest is 1,900 bytes, and it stops the monitor to be refused one. */
export const CHOSEN_BYTES_MAX = 1800;

export const KEYS = {
  /** Number of the newest commit, u32 text. */
  version: 'meta/version',
  /** fsid, creation time and format, JSON. */
  cluster: 'meta/cluster',
  /** First global id that was never handed out, text. */
  globalId: 'meta/global_id',
  /** Starts counted, text. */
  election: 'meta/election',
  oldestEpoch: 'osdmap/oldest',
  newestEpoch: 'osdmap/newest',
  fullMap: (epoch: number): string => `osdmap/full/${hex8(epoch)}`,
  incremental: (epoch: number): string => `osdmap/inc/${hex8(epoch)}`,
  monMap: 'monmap',
  config: (section: string, mask: string, name: string): string =>
    `config/${section}/${mask}/${name}`,
  configKey: (key: string): string => `config-key/${key}`,
  healthMute: (code: string): string => `health/mute/${code}`,
  osdMetadata: (id: number): string => `osd/metadata/${hex8(id)}`,
} as const;

/** The range of all keys that begin with `prefix`. */
export function rangeOf(prefix: string): [from: string, to: string] {
  const last = prefix.charCodeAt(prefix.length - 1);
  return [prefix, prefix.slice(0, -1) + String.fromCharCode(last + 1)];
}
