import { CephError, DecodeError } from '../../errors/index.ts';
import { EVERSION_ZERO, type EVersion, type HObject, type OSDOp } from '../../wire/index.ts';
import { decodeObjectInfo, execute, INFO_ATTR, type OpRequest } from '../ops/index.ts';
import type { HolderRead } from '../peer-messages.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { isHere } from '../recovery/object-copy.ts';
import { envOf } from './executions.ts';
import { bytesRead, isSooner } from './range-reads.ts';

/** What a holder answers, see MPgReadDone; `data` are the outputs. */
interface ReadForPrimary {
  readonly isHere: boolean;
  readonly done: HolderRead | undefined;
  readonly data: readonly Uint8Array[];
}

const ELSEWHERE: ReadForPrimary = { isHere: false, done: undefined, data: [] };

/**
 * Does a client's read for the primary, which lacks the object: in version `need` and no other, so that what is read here
 * is what the primary's log speaks of, whatever interval this OSD is in by then.
 */
export async function readForPrimary(
  host: PgHost,
  state: PgState,
  op: OSDOp,
  oid: HObject,
  need: EVersion,
): Promise<ReadForPrimary> {
  try {
    if (!isHere(host, state, oid, need)) return ELSEWHERE;
    const info = decodeObjectInfo(host.store.getattr(state.c, oid, INFO_ATTR)!);
    const bytes = bytesRead(op);
    if (bytes === undefined || !isSooner(bytes, info.size)) {
      return { isHere: true, done: undefined, data: [] };
    }
    const request: OpRequest = { op, data: NO_INPUT, reqid: op.reqid };
    const prepared = await execute(envOf(host, state), request, 'read', { oid, info });
    // Its next version may have come between two reads of the device.
    if (prepared.isDamaged || !isHere(host, state, oid, need)) return ELSEWHERE;
    const { result, results, outputs, userVersion, stats } = prepared.finish(EVERSION_ZERO, 0n);
    const { numRd, numRdKb } = stats;
    const lengths = outputs.map((output) => output?.length ?? 0);
    const data = outputs.filter((output) => output !== undefined);
    const done = { result, results: [...results], lengths, userVersion, numRd, numRdKb };
    return { isHere: true, done, data };
  } catch (error) {
    if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
    host.log('error', 'damaged object', { pg: state.c, object: oid.name, error });
    return ELSEWHERE;
  }
}

const NO_INPUT: Uint8Array = Buffer.alloc(0);
