import { type Option, text } from '../option.ts';

/** Default levels: of what is written, and of what is kept in memory. Source: src/common/subsys.h, release 16.2. */
const LEVELS: Readonly<Record<string, string>> = {
  auth: '1/5',
  bluestore: '1/5',
  client: '0/5',
  crush: '1/1',
  mgr: '2/5',
  mon: '1/5',
  monc: '0/10',
  ms: '0/0',
  objecter: '0/1',
  osd: '1/5',
  paxos: '1/5',
  rados: '0/5',
  rbd: '0/5',
};

/** One `debug_*` option per subsystem. */
export const debugOptions: Readonly<Record<string, Option>> = Object.fromEntries(
  Object.entries(LEVELS).map(([subsystem, level]) => [
    `debug_${subsystem}`,
    text({
      default: level,
      form: 'level',
      level: 'advanced',
      apply: 'runtime',
      desc: `Detail of log lines of ${subsystem}: written, then kept in memory.`,
    }),
  ]),
);
