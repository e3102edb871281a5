/** The release whose clients and formats we follow; tools compare it. */
export const CEPH_RELEASE = '16.2.15';
/** What our daemons say of themselves, in the form that Ceph's tools parse. */
export const VERSION_TEXT = `ceph version ${CEPH_RELEASE} (sepiola) pacific (stable)`;
