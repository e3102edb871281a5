/**
 * Messenger v2.1: sessions between entities over byte streams. Uses `errors`, `codec`, `runtime`, `wire`, `auth`.
 */
export * from './messenger.ts';
