/**
 * The RADOS client: monitor session, objecter, pools, objects, operations. Uses everything down to `store`, and the
 * ports; `client` joins it to the real ones and reads ceph.conf. Works with Sepiola and with Ceph.
 */
export type { CallOptions } from './abort.ts';
export * from './ceph-conf.ts';
export { fetchConfig } from './fetch-config.ts';
export type { CommandResult } from './mon-client.ts';
export { RadosObject, type Written } from './object.ts';
export {
  type Comparison,
  type Data,
  type DataExtent,
  type Entries,
  type Name,
  type ObjectInfo,
  type OmapPage,
  ReadOp,
  WriteOp,
  type WriteOptions,
} from './operation.ts';
export * from './pool.ts';
export * from './rados.ts';
