import { byteString, decodeAll, encodeToBytes, s32, struct, u64 } from '../codec/index.ts';
import { EVersion } from '../wire/index.ts';
import type { Done } from './logged.ts';

// Requests whose log entries are gone but which are remembered on disk: those of PGs that were merged, whose logs end
// together, so that a client's resend would else be applied again after a restart.

const Dup = struct('Dup', { reqid: byteString, result: s32, version: EVersion, userVersion: u64 });

/** Their keys in the omap of pgMeta: below INFO_KEY and the log. */
export const DUP_KEYS = 'd';
export const DUP_KEYS_END = 'e';

/** The omap entries of requests, in their order. */
export function dupEntries(
  dups: Iterable<readonly [reqid: string, done: Done]>,
): [string, Uint8Array][] {
  return [...dups].map(([reqid, { result, version, userVersion }], i) => [
    DUP_KEYS + i.toString(16).padStart(6, '0'),
    encodeToBytes(Dup, { reqid, result, version, userVersion }),
  ]);
}

/** @throws DecodeError */
export function readDup(value: Uint8Array): [reqid: string, done: Done] {
  const { reqid, ...done } = decodeAll(Dup, value);
  return [reqid, done];
}
