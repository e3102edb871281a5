/**
 * The object storage daemon: PGs, their peering, replication and recovery, and the requests of clients. Uses everything
 * before it in the tree but `rados` and `mon`. Decisions on peering, logs and intervals are pure; `Pg` and `startOsd`
 * run their effects. Spec: fact sheets 04, 06, 07; design §7.
 *
 * An OSD is a `front` and `shard`s, on one thread or on several (`threads`). A shard has PGs (`pg`), each with its `log`,
 * its clients' `requests` made of `ops`, its `recovery` and its `scrub`. `failure` is who notices that somebody is gone.
 */

export * from './offline.ts';
export { hintOps } from './ops/hints.ts';
export type { Osd } from './options.ts';
export { startOsd } from './osd.ts';
export { type Partition, shardOf } from './partition.ts';
export type { MemberFacts, PgFacts } from './pg/pg-facts.ts';
export { runShard } from './threads/threaded-shard.ts';
