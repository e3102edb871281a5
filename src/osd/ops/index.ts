/**
 * The op interpreter: what one client request does to one object, or reads from it. It decides and reads through the
 * store port; it writes nothing itself. Uses `errors`, `codec`, `wire`, `store`. Spec: fact sheet 06, and
 * PrimaryLogPG::do_osd_ops of Ceph 16.2 as observed from outside.
 */
export * from './object-info.ts';
export * from './types.ts';
