/**
 * A whole cluster in one call: `startCluster()` in this process, or the daemons of a directory one by one. Joins the
 * daemons to the real ports.
 */
export * from './daemons.ts';
export * from './layout.ts';
export * from './start-cluster.ts';
