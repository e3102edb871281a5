/**
 * Options as one declared table: names, types, defaults and bounds of Ceph, our descriptions; parsing, canonical text,
 * and which stored settings apply to whom. Uses `errors`, `codec`, `runtime`.
 */
export * from './numbers.ts';
export * from './option.ts';
export * from './options.ts';
export * from './parse.ts';
export * from './section.ts';
