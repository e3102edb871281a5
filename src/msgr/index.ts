/**
 * Messenger v2.1: sessions between entities over byte streams. Uses `errors`, `codec`, `runtime`, `wire`, `auth`.
 * Spec: fact sheet §2; src/msg/async of Ceph 16.2.
 *
 * From the wire upwards: `format`, `frame-parser`, `frame-writer`, `control` (bytes to frames); `authenticate`,
 * `establish`, `session`, `liveness` (pure: who the peer is, which session its socket belongs to, what that session
 * remembers, when a socket is given up); `ask`, `answer` (both sides of the session's beginning); `link`, `connection`,
 * `turns`, `driver` (sockets, queues and timers around them).
 */
export * from './create.ts';
export * from './messenger.ts';
export * from './options.ts';
export * from './policy.ts';
