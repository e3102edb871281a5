import {
  byteString,
  bytes,
  struct,
  tuple,
  u53,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { HObject, UTime } from './basic.ts';

// What ops put out, where it is more than bytes: fact sheet §6.2, §6.4.

/** Output of STAT. */
export const StatOutput = struct('stat', { size: u53, mtime: UTime });
export type StatOutput = ValueOf<typeof StatOutput>;

/** Output of SPARSE_READ: (offset, length) of each stretch of data, and their bytes joined. */
export const SparseReadOutput = struct('sparse_read', {
  extents: vec(tuple(u53, u53)),
  data: bytes,
});
export type SparseReadOutput = ValueOf<typeof SparseReadOutput>;

/** Output of PGNLS: objects in bit-reversed hash order, and where to go on. */
export const PgnlsOutput = versioned(
  'pg_nls_response_t',
  { v: 1, compat: 1 },
  {
    handle: HObject,
    entries: vec(
      struct('librados::ListObjectImpl', {
        namespace: byteString,
        name: byteString,
        key: byteString,
      }),
    ),
  },
);
export type PgnlsOutput = ValueOf<typeof PgnlsOutput>;

const CloneInfo = versioned(
  'clone_info',
  { v: 1, compat: 1 },
  { cloneid: u64, snaps: vec(u64), overlap: vec(tuple(u53, u53)), size: u53 },
);
/** Output of LIST_SNAPS; the head is a clone with the id SNAP_HEAD, listed last. */
export const SnapListOutput = versioned(
  'obj_list_snap_response_t',
  { v: 2, compat: 1 },
  { clones: vec(CloneInfo), seq: u64 },
);
export type SnapListOutput = ValueOf<typeof SnapListOutput>;
