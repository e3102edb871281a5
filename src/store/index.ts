/**
 * The object store: atomic, durable transactions on objects in collections. Uses `errors`, `codec`, `runtime`, `wire`.
 */
export * from './object-store.ts';
