import { DecodeError } from '../../errors/index.ts';
import { SHARD_ERROR } from '../../wire/index.ts';
import { decodeObjectInfo, INFO_ATTR, type ObjectInfo } from '../ops/index.ts';
import type { ScrubbedObject } from './scrub-map.ts';

/** One member's copy of an object, looked at alone. */
export interface JudgedCopy {
  readonly osd: number;
  readonly object: ScrubbedObject;
  /** Bits of SHARD_ERROR. */
  readonly errors: bigint;
  /** The same in Ceph's words. */
  readonly faults: readonly string[];
  readonly info: ObjectInfo | undefined;
}

/** Rules and words: PGBackend::be_select_auth_object, src/osd/PGBackend.cc, release 16.2. */
export function judgeCopy(osd: number, object: ScrubbedObject): JudgedCopy {
  let errors = 0n;
  const faults: string[] = [];
  const found = (error: bigint, fault: string): void => {
    errors |= error;
    faults.push(fault);
  };
  if (object.readError) found(SHARD_ERROR.readError, 'candidate had a read error');
  if (object.statError) {
    found(SHARD_ERROR.statError, 'candidate had a stat error');
    return { osd, object, errors, faults, info: undefined };
  }
  const info = infoOf(object);
  if (info === 'missing') found(SHARD_ERROR.infoMissing, 'candidate had a missing info key');
  else if (info === 'corrupt') found(SHARD_ERROR.infoCorrupted, 'candidate had a corrupt info');
  else if (info.size !== object.size) {
    const fault = `candidate size ${object.size} info size ${info.size} mismatch`;
    found(SHARD_ERROR.objSizeInfoMismatch, fault);
  }
  return { osd, object, errors, faults, info: typeof info === 'string' ? undefined : info };
}

function infoOf({ attrs }: ScrubbedObject): ObjectInfo | 'missing' | 'corrupt' {
  const bytes = attrs.get(INFO_ATTR);
  if (!bytes) return 'missing';
  try {
    return decodeObjectInfo(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return 'corrupt';
    throw error;
  }
}
