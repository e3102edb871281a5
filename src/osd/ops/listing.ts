import { byteString, Decoder, encodeToBytes, struct, u8, vec } from '../../codec/index.ts';
import { CephError, DecodeError, ERRNO } from '../../errors/index.ts';
import { splitBits } from '../../maps/index.ts';
import {
  compareHObject,
  HOBJECT_MAX,
  HObject,
  OSD_OP,
  type OsdOp,
  type PgId,
  PgnlsOutput,
  readArgs,
  reverseBits32,
  ScrubLsArg,
  ScrubLsResult,
  SNAP_HEAD,
} from '../../wire/index.ts';
import { refuse } from './execution.ts';
import type { OpEnv, OpOutcome, OpRequest } from './types.ts';

/** osd_max_pgls: most objects that one listing looks at. */
const LIST_MAX = 1024;

/** Namespace that stands for all of them: LIBRADOS_ALL_NSPACES. */
const ALL_NAMESPACES = '\x01';

/** Output of PGLS, the listing of clients older than namespaces: pg_ls_response_t. */
const PglsOutput = struct('pg_ls_response_t', {
  version: u8,
  handle: HObject,
  entries: vec(struct('entry', { name: byteString, key: byteString })),
});

/** The first place behind a PG's objects: the begin of the next PG in the order of reversed hashes, or the maximum. */
export function pgEnd(pg: PgId, pgNum: number): HObject {
  const end = reverseBits32(pg.seed) + 2 ** (32 - splitBits(pg.seed, pgNum));
  if (end >= 2 ** 32) return HOBJECT_MAX;
  const place = { key: '', name: '', namespace: '', max: false, pool: pg.pool };
  return { ...place, snap: SNAP_HEAD, hash: reverseBits32(end) };
}

/** What there is to list. */
export interface ListableObjects {
  /** See ObjectStore.list. */
  list(from: HObject, limit: number): { objects: HObject[]; next: HObject | undefined };
  /** A raw attribute of an object. */
  getattr(oid: HObject, name: string): Uint8Array | undefined;
  /** What the last scrub found; ENOENT: there was none, EAGAIN: another interval than that of the answers so far. */
  scrubErrors?(arg: ScrubLsArg): ScrubLsResult | number;
}

/** The objects of a collection, as they are in the store. */
function stored({ store, collection }: Pick<OpEnv, 'store' | 'collection'>): ListableObjects {
  return {
    list: (from, limit) => store.list(collection, from, limit),
    getattr: (oid, name) => store.getattr(collection, oid, name),
  };
}

/** Runs a request about a PG: listings. @param end {@link pgEnd} of the PG */
export function executePg(
  env: Pick<OpEnv, 'store' | 'collection'>,
  request: OpRequest,
  pool: number,
  end: HObject,
  listed: ListableObjects = stored(env),
): OpOutcome {
  const { ops } = request.op;
  const outputs: (Uint8Array | undefined)[] = ops.map(() => undefined);
  const nobody = { oid: end, info: undefined };
  let result = 0;
  let inputOffset = 0;
  for (const [i, op] of ops.entries()) {
    const input = request.data.subarray(inputOffset, inputOffset + op.payloadLength);
    inputOffset += op.payloadLength;
    try {
      const page = list(listed, request, op, input, pool, end);
      if (typeof page === 'number') result = page;
      else {
        outputs[i] = page.output;
        result = page.finished ? 1 : 0;
      }
    } catch (e) {
      // The store says so of an object's record that is damaged.
      if (e instanceof CephError) result = -e.errno;
      else if (e instanceof DecodeError) result = -ERRNO.EINVAL;
      else throw e;
    }
    if (result < 0) break;
  }
  return { ...refuse(request, nobody, result), kind: 'pg', outputs };
}

type Filter = (oid: HObject) => boolean;

function list(
  listed: ListableObjects,
  request: OpRequest,
  op: OsdOp,
  input: Uint8Array,
  pool: number,
  end: HObject,
): { output: Uint8Array; finished: boolean } | number {
  const { namespace } = request.op.locator;
  const d = new Decoder(input);
  let filter: Filter = () => true;
  switch (op.code) {
    case OSD_OP.PGNLS_FILTER:
    case OSD_OP.PGLS_FILTER: {
      const read = readFilter(listed, d);
      if (typeof read === 'number') return read;
      filter = read;
      break;
    }
    case OSD_OP.PGNLS:
    case OSD_OP.PGLS:
      break;
    case OSD_OP.SCRUBLS: {
      const arg = ScrubLsArg.decode(d);
      const errors = listed.scrubErrors?.(arg) ?? -ERRNO.ENOENT;
      if (typeof errors === 'number') return errors;
      return { output: encodeToBytes(ScrubLsResult, errors), finished: false };
    }
    case OSD_OP.PG_HITSET_LS:
    case OSD_OP.PG_HITSET_GET:
      return -ERRNO.EOPNOTSUPP;
    default:
      return -ERRNO.EINVAL;
  }
  const from = HObject.decode(d);
  const limit = Math.min(readArgs('pgls', op).count, LIST_MAX);
  const page = objectsFrom(listed, from, limit);
  const inNamespace = (o: HObject) => namespace === ALL_NAMESPACES || o.namespace === namespace;
  const found = page.objects.filter(
    (o) => o.pool === pool && o.snap === SNAP_HEAD && inNamespace(o) && filter(o),
  );
  const handle = page.next ?? end;
  const finished = page.next === undefined;
  if (op.code === OSD_OP.PGNLS || op.code === OSD_OP.PGNLS_FILTER) {
    return { output: encodeToBytes(PgnlsOutput, { handle, entries: found }), finished };
  }
  // The old listing knows no namespaces, so it lists none when asked for all.
  const entries = namespace === ALL_NAMESPACES ? [] : found;
  return { output: encodeToBytes(PglsOutput, { version: 1, handle, entries }), finished };
}

function objectsFrom(listed: ListableObjects, from: HObject, limit: number) {
  if (compareHObject(from, HOBJECT_MAX) === 0) return { objects: [], next: undefined };
  if (limit === 0) return { objects: [], next: from };
  return listed.list(from, limit);
}

/** The filter `plain` takes objects with a raw attribute of exactly this value. Others belong to classes. */
function readFilter(listed: ListableObjects, d: Decoder): Filter | number {
  // What librados writes before a filter since it was a class's method: class and method name, both unused.
  d.byteString();
  d.byteString();
  const type = d.byteString();
  if (type !== 'plain') return type.includes('.') ? -ERRNO.EPERM : -ERRNO.EINVAL;
  const attr = d.byteString();
  const wanted = d.bytes();
  return (oid) => {
    const value = listed.getattr(oid, attr);
    return value !== undefined && Buffer.compare(value, wanted) === 0;
  };
}
