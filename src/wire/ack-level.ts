import { OSD_FLAG } from './osd-op-codes.ts';

/**
 * When a write is answered: when all acting members of its PG hold it in memory, in their journals, or on disk in its
 * place. What each outlives stands with WriteOptions (src/rados/operation.ts).
 */
export type AckLevel = 'memory' | 'journal' | 'disk';

const { ACK, ONNVRAM, ONDISK, WRITE } = OSD_FLAG;

/**
 * The flags of a request that ask for a level. ACK alone and ONDISK mean what they meant before Ceph's Luminous (applied,
 * durable). ONDISK together with ONNVRAM is more than Ceph knows, and no client of it sends that. An OSD of Ceph 16.2
 * looks at none of them, and answers when the write is durable.
 */
export const ACK_FLAGS: Readonly<Record<AckLevel, number>> = {
  memory: ACK,
  journal: ONDISK,
  disk: ONDISK | ONNVRAM,
};

/** What the flags of a request ask for: durable, unless those of a write say clearly less or more. */
export function ackLevelOf(flags: number): AckLevel {
  if ((flags & WRITE) === 0) return 'journal';
  if ((flags & ONDISK) !== 0) return (flags & ONNVRAM) !== 0 ? 'disk' : 'journal';
  return (flags & ACK) !== 0 && (flags & ONNVRAM) === 0 ? 'memory' : 'journal';
}

/** The flags of the answer: what the write has reached. */
export const ACKED_FLAGS: Readonly<Record<AckLevel, number>> = {
  memory: ACK,
  journal: ACK | ONDISK,
  disk: ACK | ONNVRAM | ONDISK,
};
