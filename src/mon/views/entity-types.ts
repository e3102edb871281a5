/** Names of the kinds of peers by their bits. Source: CEPH_ENTITY_TYPE_*, release 16.2. */
export const ENTITY_TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'mon'],
  [2, 'mds'],
  [4, 'osd'],
  [8, 'client'],
  [16, 'mgr'],
]);
