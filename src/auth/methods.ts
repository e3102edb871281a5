/** CEPH_AUTH_* numbers. */
export const AUTH_METHOD = { none: 1, cephx: 2, gss: 4 } as const;

/** CEPH_CON_MODE_*: how frames travel after AUTH_DONE. */
export const CONNECTION_MODE = { crc: 1, secure: 2 } as const;

/** First byte of an auth payload: an authorizer for a service, or a request to the mon itself. */
export const AUTH_MODE = { authorizer: 1, mon: 10 } as const;
