/**
 * Bytes in and out. A wire or disk struct is declared once as a {@link Codec}; its type, encoder, decoder and generator
 * come from the declaration. Also text as Ceph's tools print it: numbers, JSON, tables. Uses only `errors`. Spec:
 * doc/dev/encoding.rst of Ceph 16.2.
 */
export * from './adapted.ts';
export * from './bytes.ts';
export * from './codec.ts';
export * from './containers.ts';
export * from './crc32c.ts';
export * from './crc32c-blocks.ts';
export * from './decimal.ts';
export * from './json.ts';
export * from './primitives.ts';
export * from './struct.ts';
export * from './text-table.ts';
