/**
 * Messenger v2.1: sessions between entities over byte streams. Uses `errors`, `codec`, `runtime`, `wire`, `auth`.
 * Spec: fact sheet §2; src/msg/async of Ceph 16.2.
 *
 * From the wire upwards: `format`, `frame-parser`, `frame-writer`, `control` (bytes to frames); `authenticate`,
 * `establish`, `session`, `liveness` (pure: who the peer is, which session its socket belongs to, what that session
 * remembers, when a socket is given up); `ask`, `answer` (both sides of the session's beginning); `link`, `sockets` (one
 * socket, and all of them); `connection`, `session-book`, `sessions`, `turns` (one session, and what becomes of all of
 * them); `self` (who we are to others); `driver` (joins these to the network and the dispatcher);
 * `listen-within` (the first free port).
 */
export * from './create.ts';
export * from './listen-within.ts';
export * from './messenger.ts';
export * from './options.ts';
export * from './policy.ts';
