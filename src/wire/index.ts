/**
 * Ceph's structs and messages, declared. Uses `errors`, `codec`. Layouts follow Ceph 16.2 and are held against bytes
 * taken from a real cluster.
 */
export * from './address.ts';
export * from './basic.ts';
