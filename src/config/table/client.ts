import { flag, float, type Option, secs, size, text, uint } from '../option.ts';

/** What clients read; a cluster can set it for them. Names, types, defaults and bounds are those of Ceph 16.2 (`ceph config help`). */
export const clientOptions: Readonly<Record<string, Option>> = {
  rados_osd_op_timeout: secs({
    default: 0,
    level: 'advanced',
    apply: 'runtime',
    desc: 'Time after which an operation on an OSD fails; 0 waits for ever.',
  }),
  rados_mon_op_timeout: secs({
    default: 0,
    level: 'advanced',
    apply: 'runtime',
    desc: 'Time after which a request to the monitor fails; 0 waits for ever.',
  }),
  client_mount_timeout: secs({
    default: 300,
    level: 'advanced',
    services: ['mds_client'],
    desc: 'Time a client waits for its first maps.',
  }),
  objecter_timeout: float({
    default: 10,
    level: 'advanced',
    desc: 'Seconds after which an operation counts as late and the map is asked for again.',
  }),
  objecter_inflight_ops: uint({
    default: 1024,
    level: 'advanced',
    desc: 'Operations a client keeps on their way at once.',
  }),
  objecter_inflight_op_bytes: size({
    default: 104_857_600,
    level: 'advanced',
    desc: 'Bytes of operations a client keeps on their way at once.',
  }),
  rbd_default_features: text({
    default: 'layering,exclusive-lock,object-map,fast-diff,deep-flatten',
    level: 'advanced',
    apply: 'runtime',
    services: ['rbd'],
    desc: 'Features of new images, by name or as a bit mask.',
  }),
  rbd_default_pool: text({
    default: 'rbd',
    level: 'advanced',
    services: ['rbd'],
    desc: 'Pool of images named without one.',
  }),
  rbd_default_order: uint({
    default: 22,
    level: 'advanced',
    services: ['rbd'],
    desc: 'Binary logarithm of the object size of new images.',
  }),
  rbd_cache: flag({
    default: true,
    level: 'advanced',
    services: ['rbd'],
    desc: 'Cache image data in the client.',
  }),
  rbd_cache_size: size({
    default: 33_554_432,
    level: 'advanced',
    services: ['rbd'],
    desc: 'Bytes of the image cache.',
  }),
  rbd_cache_max_dirty: size({
    default: 25_165_824,
    level: 'advanced',
    services: ['rbd'],
    desc: 'Bytes not yet written back that the image cache may hold.',
  }),
  rbd_cache_policy: text({
    default: 'writearound',
    allowed: ['writethrough', 'writeback', 'writearound'],
    level: 'advanced',
    services: ['rbd'],
    desc: 'How the image cache treats writes.',
  }),
  rbd_concurrent_management_ops: uint({
    default: 10,
    min: 1,
    level: 'advanced',
    services: ['rbd'],
    desc: 'Operations in flight while an image is copied or removed.',
  }),
  client_cache_size: size({
    default: 16_384,
    level: 'basic',
    services: ['mds_client'],
    desc: 'Inodes a file system client caches.',
  }),
};
