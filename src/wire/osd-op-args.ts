import {
  type Codec,
  constant,
  custom,
  Decoder,
  Encoder,
  struct,
  u8,
  u32,
  u64,
} from '../codec/index.ts';

// The 28-byte argument area of an op: fact sheet §6.1; struct ceph_osd_op, src/include/rados.h of Ceph 16.2.

/** Size of the argument area; bytes a form does not use are zero. */
export const OSD_OP_ARGS_BYTES = 28;
const NO_ARGS = Buffer.alloc(OSD_OP_ARGS_BYTES);

/** Where an op's 28 bytes of arguments stand. */
export interface OsdOpArgs {
  readonly args: Uint8Array;
  readonly argsOffset: number;
}

/**
 * A u64 whose meaningful values end far below 2^53 (offsets and lengths in an object). Anything larger reads as
 * Number.MAX_SAFE_INTEGER: some clients send -1 for "no bound", and range checks refuse it like any large number.
 */
const clamped: Codec<number> = custom<number>({
  name: 'u64',
  encode: (o, v) => o.u53(v),
  decode: (d) => {
    const low = d.u32();
    return clamp53(low, d.u32());
  },
  generate: (g) => g.below(2 ** 48),
});
function clamp53(low: number, high: number): number {
  return high >= 0x200000 ? Number.MAX_SAFE_INTEGER : high * 0x1_0000_0000 + low;
}

const zero64 = constant(u64, 0n);

/** The forms that the argument area takes; which op uses which stands in the fact sheet §6.2. */
export const OSD_OP_ARGS = {
  extent: struct('extent', {
    offset: clamped,
    length: clamped,
    truncateSize: clamped,
    truncateSeq: u32,
  }),
  xattr: struct('xattr', { nameLength: u32, valueLength: u32, cmpOp: u8, cmpMode: u8 }),
  cls: struct('cls', { classLength: u8, methodLength: u8, argc: u8, inputLength: u32 }),
  pgls: struct('pgls', { count: clamped, startEpoch: u32 }),
  snap: struct('snap', { snapid: u64 }),
  watch: struct('watch', { cookie: u64, version: zero64, op: u8, gen: u32, timeout: u32 }),
  notify: struct('notify', { cookie: u64 }),
  assertVer: struct('assert_ver', { unused: zero64, version: u64 }),
  copyGet: struct('copy_get', { maxBytes: clamped }),
  copyFrom: struct('copy_from', {
    snapid: u64,
    srcVersion: u64,
    flags: u8,
    srcFadviseFlags: u32,
  }),
  allocHint: struct('alloc_hint', {
    expectedObjectSize: clamped,
    expectedWriteSize: clamped,
    flags: u32,
  }),
  writesame: struct('writesame', { offset: clamped, length: clamped, dataLength: clamped }),
  checksum: struct('checksum', { offset: clamped, length: clamped, chunkSize: u32, type: u8 }),
} as const;
export type OsdOpArgsForm = keyof typeof OSD_OP_ARGS;
type ArgsOf<F extends OsdOpArgsForm> = (typeof OSD_OP_ARGS)[F] extends Codec<infer T> ? T : never;
export type OsdExtent = ArgsOf<'extent'>;

/** Reads an op's arguments in one of their forms. */
export function readArgs<F extends OsdOpArgsForm>(form: F, op: OsdOpArgs): ArgsOf<F> {
  const d = new Decoder(op.args, op.argsOffset, op.argsOffset + OSD_OP_ARGS_BYTES);
  return OSD_OP_ARGS[form].decode(d) as ArgsOf<F>;
}

/** {@link readArgs} of the `extent` form, without the cost of the declaration: every read and write passes here. */
export function readExtent(op: OsdOpArgs): OsdExtent {
  const b = op.args;
  const at = op.argsOffset;
  return {
    offset: clamp53(word(b, at), word(b, at + 4)),
    length: clamp53(word(b, at + 8), word(b, at + 12)),
    truncateSize: clamp53(word(b, at + 16), word(b, at + 20)),
    truncateSeq: word(b, at + 24),
  };
}

function word(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
}

/** The 28 bytes of a form, padded with zeros. */
export function argsBytes<F extends OsdOpArgsForm>(form: F, value: ArgsOf<F>): Buffer {
  const o = new Encoder(0n, OSD_OP_ARGS_BYTES);
  (OSD_OP_ARGS[form] as Codec<ArgsOf<F>>).encode(o, value);
  o.raw(NO_ARGS.subarray(o.length));
  return o.finish();
}

/** The arguments of an op that takes none. Must not be written to. */
export function noArgs(): Uint8Array {
  return NO_ARGS;
}
