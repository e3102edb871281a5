import { struct, u8, vec } from '../codec/index.ts';
import { SPgId, Uuid } from './basic.ts';
import { type MessageOf, message } from './message.ts';

/** Bits of {@link MOSDForceRecovery}'s options: which kind, and whether it is taken back. */
export const FORCE_RECOVERY = { recovery: 1, backfill: 2, cancel: 4 } as const;

/** To the primaries of PGs: let them go first. Source: src/messages/MOSDForceRecovery.h, 16.2. */
export const MOSDForceRecovery = message(
  'MOSDForceRecovery',
  151,
  { version: 2, compat: 2 },
  struct('MOSDForceRecovery', { fsid: Uuid, pgs: vec(SPgId), options: u8 }),
);
export type ForceRecovery = MessageOf<typeof MOSDForceRecovery>;
