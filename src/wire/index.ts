/**
 * Ceph's structs and messages, declared. Uses `errors`, `codec`. Layouts follow Ceph 16.2 and are held against bytes
 * taken from a real cluster.
 */
export * from './ack-level.ts';
export * from './address.ts';
export * from './address-json.ts';
export * from './basic.ts';
export * from './daemon.ts';
export * from './force-recovery.ts';
export * from './message.ts';
export * from './mgr.ts';
export * from './mon.ts';
export * from './osd-mon.ts';
export * from './osd-op.ts';
export * from './osd-op-args.ts';
export * from './osd-op-codes.ts';
export * from './osd-op-fast.ts';
export * from './osd-outputs.ts';
export * from './osd-ping.ts';
export * from './osd-wishes.ts';
export * from './pg-stat.ts';
export * from './pg-stat-json.ts';
export * from './ping-json.ts';
export * from './scrub.ts';
export * from './stamp.ts';
export * from './stats.ts';
export * from './version.ts';
export * from './watch.ts';
