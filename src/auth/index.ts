/**
 * Authentication: method and mode numbers, and what AUTH_NONE says on the wire. Uses `codec`, `wire`.
 * Source: fact sheet §3; src/include/ceph_fs.h (CEPH_AUTH_*, CEPH_CON_MODE_*), src/auth/none of Ceph 16.2.
 */
export * from './methods.ts';
export * from './none.ts';
