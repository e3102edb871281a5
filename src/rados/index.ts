/**
 * The RADOS client: monitor session, objecter, pools, objects, operations. Uses everything down to `store`, and the
 * ports; `client` joins it to the real ones and reads ceph.conf. Works with Sepiola and with Ceph.
 */
export type { CallOptions } from './abort.ts';
export * from './ceph-conf.ts';
export { fetchConfig } from './fetch-config.ts';
export type { CommandResult } from './mon-client.ts';
export { RadosObject, type Written } from './object.ts';
export type { Comparison, Data, Name } from './op-step.ts';
export * from './pool.ts';
export * from './rados.ts';
export { type DataExtent, type ObjectInfo, type OmapPage, ReadOp } from './read-op.ts';
export { type Entries, WriteOp, type WriteOptions } from './write-op.ts';
