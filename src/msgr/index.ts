/**
 * Messenger v2.1: sessions between entities over byte streams. Uses `errors`, `codec`, `runtime`, `wire`, `auth`.
 */
export * from './create.ts';
export * from './messenger.ts';
export * from './options.ts';
export * from './policy.ts';
