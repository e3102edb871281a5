import { bool, s32, struct, u32, vec } from '../codec/index.ts';
import { PaxosHeader, PgId } from './basic.ts';
import { message } from './message.ts';

// What OSDs ask the monitor to put into the map. Layouts: src/messages of Ceph 16.2.

/**
 * An OSD asks that the map's up_thru of it reach `want`: the start of an interval that it is about to serve as primary.
 * The header's version is its newest epoch, which is what up_thru becomes.
 */
export const MOSDAlive = message(
  'MOSDAlive',
  73,
  { version: 1, compat: 1 },
  struct('MOSDAlive', { paxos: PaxosHeader, want: u32 }),
);

/** The primary of some PGs names who should act in the place of their members; nobody: the members themselves. */
export const MOSDPGTemp = message(
  'MOSDPGTemp',
  78,
  { version: 2, compat: 1 },
  struct('MOSDPGTemp', {
    paxos: PaxosHeader,
    epoch: u32,
    pgTemp: vec(struct('pg_temp', { pgid: PgId, osds: vec(s32) })),
    forced: bool,
  }),
);
