type Crc32c = (seed: number, bytes: Uint8Array) => number;

/*
 * magic u32 · epoch f64 · number in the epoch u32 · bytes of the whole record u32 · durable u32 · crc32c u32 · changes
 * change: key's length u32 · 0 for a removal, else value's length + 1 u32 · key · value
 *
 * The checksum covers all but itself and begins with the record's place in its area, so that a copy of a record inside
 * a value is none.
 */
const MAGIC = 0x324e4c4a;
const CRC_AT = 24;
export const HEADER_BYTES = 28;
/** What stands before the key of a change. */
export const CHANGE_BYTES = 8;

export interface RecordHeader {
  readonly epoch: number;
  readonly sequence: number;
  readonly bytes: number;
  /**
   * How many records of the epoch were durable before this one was made; in the first record of an epoch, how many
   * records the epoch before has, all of which are durable before this one is written.
   */
  readonly durable: number;
}

/** What the records of an epoch begin with. */
export function recordStart(epoch: number): Buffer {
  const out = Buffer.alloc(12);
  out.writeUInt32LE(MAGIC, 0);
  out.writeDoubleLE(epoch, 4);
  return out;
}

export function writeHeader(record: Buffer, h: RecordHeader): void {
  record.writeUInt32LE(MAGIC, 0);
  record.writeDoubleLE(h.epoch, 4);
  record.writeUInt32LE(h.sequence, 12);
  record.writeUInt32LE(h.bytes, 16);
  record.writeUInt32LE(h.durable, 20);
}

/** Adds the checksum to a record that stands at `offset` of its area. */
export function sealRecord(crc32c: Crc32c, record: Buffer, offset: number): void {
  record.writeUInt32LE(checksum(crc32c, record, offset), CRC_AT);
}

/** The record at `offset` of an area, or undefined when there is no whole one. */
export function recordAt(
  crc32c: Crc32c,
  area: Buffer,
  offset: number,
): { header: RecordHeader; record: Buffer } | undefined {
  if (offset + HEADER_BYTES > area.length || area.readUInt32LE(offset) !== MAGIC) return undefined;
  const bytes = area.readUInt32LE(offset + 16);
  if (bytes < HEADER_BYTES || offset + bytes > area.length) return undefined;
  const record = area.subarray(offset, offset + bytes);
  if (checksum(crc32c, record, offset) !== record.readUInt32LE(CRC_AT)) return undefined;
  return {
    header: {
      epoch: record.readDoubleLE(4),
      sequence: record.readUInt32LE(12),
      bytes,
      durable: record.readUInt32LE(20),
    },
    record,
  };
}

function checksum(crc32c: Crc32c, record: Buffer, offset: number): number {
  return crc32c(crc32c(offset, record.subarray(0, CRC_AT)), record.subarray(HEADER_BYTES));
}
