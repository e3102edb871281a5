import { decodeAll, encodeToBytes, struct, u8, u53, type ValueOf } from '../codec/index.ts';
import { DecodeError } from '../errors/index.ts';
import { AuthName } from '../wire/index.ts';
import { AUTH_MODE } from './methods.ts';

/** Payload of AUTH_REQUEST with method none: the name is taken on trust, and global id 0 asks the mon for one. */
const NoneRequest = struct('AuthNoneRequest', { mode: u8, name: AuthName, globalId: u53 });
export type NoneRequest = ValueOf<typeof NoneRequest>;

export function encodeNoneRequest(request: NoneRequest): Buffer {
  return encodeToBytes(NoneRequest, request);
}

/** @throws DecodeError also for a mode that is neither the mon's nor an authorizer's */
export function decodeNoneRequest(payload: Uint8Array): NoneRequest {
  const request = decodeAll(NoneRequest, payload);
  if (request.mode !== AUTH_MODE.mon && request.mode !== AUTH_MODE.authorizer) {
    throw new DecodeError(`auth mode ${request.mode}`, 0, 'AuthNoneRequest.mode');
  }
  return request;
}

/** Without a session key both AUTH_SIGNATURE frames hold zeros. */
export const SIGNATURE_NONE: Buffer = Buffer.alloc(32);
