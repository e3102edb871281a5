/**
 * The real ports: system clock and chance, sockets, files, LMDB, native checksums. The only folder below `cluster`
 * that may name `node:` modules and native packages.
 */
export * from './clock.ts';
export * from './compressors.ts';
export * from './crc32c.ts';
export * from './device-class.ts';
export { nodeDisk, syncDirectory } from './disk.ts';
export * from './lmdb.ts';
export * from './log.ts';
export * from './memory.ts';
export * from './networks.ts';
export * from './process-start.ts';
export * from './random.ts';
export * from './runtime.ts';
export * from './tcp.ts';
export * from './threads.ts';
