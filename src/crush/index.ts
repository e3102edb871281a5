/**
 * Placement: a CRUSH map as data, its bytes, its compiled form that maps inputs to devices, and the edits a monitor
 * makes. Uses `errors` and `codec`. Source: crush/ of Ceph 16.2, for the facts; the code is our own.
 */
export * from './encoding.ts';
export * from './hash.ts';
export * from './mapper.ts';
export * from './tunables.ts';
export * from './types.ts';
