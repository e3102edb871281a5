import { fixed, type Json } from '../../codec/index.ts';
import type { ObjectStatSum } from '../../wire/index.ts';
import type { IoRates } from '../state.ts';
import { bytes, count } from './units.ts';

// One line each for traffic, recovery and what is missing. Source: PGMapDigest::*_summary, mon/PGMap.cc, release 16.2.

/** Members of a JSON object, in order. */
export type Members = Record<string, Json>;

/** `12 MiB/s rd, 28 MiB/s wr, 267 op/s rd, 451 op/s wr`; empty without traffic. */
export function clientIo(r: IoRates): { text: string; json: Members } {
  if (r.readOps === 0 && r.writeOps === 0) return { text: '', json: {} };
  const parts: string[] = [];
  const json: Members = {};
  if (r.readOps > 0) {
    parts.push(`${bytes(r.readBytes)}/s rd`);
    json.read_bytes_sec = r.readBytes;
  }
  if (r.writeOps > 0) {
    parts.push(`${bytes(r.writeBytes)}/s wr`);
    json.write_bytes_sec = r.writeBytes;
  }
  json.read_op_per_sec = r.readOps;
  json.write_op_per_sec = r.writeOps;
  parts.push(`${count(r.readOps)} op/s rd`, `${count(r.writeOps)} op/s wr`);
  return { text: parts.join(', '), json };
}

/** The same with one count of operations, as `pg stat` has it. */
export function clientIoShort(r: IoRates): { text: string; json: Members } {
  const { json } = clientIo(r);
  if (Object.keys(json).length === 0) return { text: '', json };
  const { read_op_per_sec, write_op_per_sec, ...rates } = json;
  const parts: string[] = [];
  if (r.readOps > 0) parts.push(`${bytes(r.readBytes)}/s rd`);
  if (r.writeOps > 0) parts.push(`${bytes(r.writeBytes)}/s wr`);
  const ops = Number(read_op_per_sec) + Number(write_op_per_sec);
  parts.push(`${count(ops)} op/s`);
  return { text: parts.join(', '), json: { ...rates, io_sec: ops } };
}

/** `0 B/s, 0 objects/s`; empty when nothing recovers. */
export function recoveryIo(r: IoRates): { text: string; json: Members } {
  if (r.recoveryObjects === 0 && r.recoveryBytes === 0 && r.recoveryKeys === 0) {
    return { text: '', json: {} };
  }
  const keys = r.recoveryKeys > 0 ? `, ${count(r.recoveryKeys)} keys/s` : '';
  return {
    text: `${bytes(r.recoveryBytes)}/s${keys}, ${count(r.recoveryObjects)} objects/s`,
    json: {
      recovering_objects_per_sec: r.recoveryObjects,
      recovering_bytes_per_sec: r.recoveryBytes,
      recovering_keys_per_sec: r.recoveryKeys,
    },
  };
}

/** `3209/9628 objects degraded (33.330%)` and the like for misplaced and unfound objects. */
export function missing(s: ObjectStatSum): { lines: string[]; json: Members } {
  const lines: string[] = [];
  const json: Members = {};
  const add = (kind: string, n: number, total: number): void => {
    if (n === 0 || total === 0) return;
    const percentage = (n / total) * 100;
    lines.push(`${n}/${total} objects ${kind} (${fixed(percentage, 3)}%)`);
    json[`${kind}_objects`] = n;
    json[`${kind}_total`] = total;
    json[`${kind}_ratio`] = percentage / 100;
  };
  add('degraded', s.numObjectsDegraded, s.numObjectCopies);
  add('misplaced', s.numObjectsMisplaced, s.numObjectCopies);
  add('unfound', s.numObjectsUnfound, s.numObjects);
  return { lines, json };
}
