import type { OSDOp } from '../../wire/index.ts';
import type { ClientOp } from './client-request.ts';

/** How far a request has come: names of flag_point in OpRequest::state_string, src/osd/OpRequest.h, 16.2. */
export type OpPoint =
  | 'delayed'
  | 'started'
  | 'waiting for sub ops'
  | 'commit sent; apply or cleanup';

/** What there is to be seen of a request, wherever it stands. */
export type SeenRequest = Pick<ClientOp, 'oid' | 'reqid' | 'startedMs'> & {
  readonly request: { readonly op: OSDOp };
};

/** Requests that are not answered, and have come equally far. */
export interface OpenOps {
  readonly point: OpPoint;
  readonly ops: readonly SeenRequest[];
}
