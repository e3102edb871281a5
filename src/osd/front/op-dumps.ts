import { stampOfMs } from '../../wire/index.ts';
import type { OpRecord } from '../shard/op-record.ts';

// Forms of a 16.2 OSD's dump_ops_in_flight and its kin (src/common/TrackedOp.cc, src/osd/OpRequest.cc).

/** Records of all shards, with the time at which each shard was asked, by its clock. */
export interface ShardOps {
  readonly nowMs: number;
  readonly ops: readonly OpRecord[];
}

/** @param wallMs now, for the stamps */
export function dumpOps(shards: readonly ShardOps[], wallMs: number): Record<string, unknown>[] {
  const all = shards.flatMap(({ nowMs, ops }) =>
    ops.map((op) => ({ op, ageMs: nowMs - op.startedMs })),
  );
  return all.sort((a, b) => b.ageMs - a.ageMs).map(({ op, ageMs }) => dumpOp(op, ageMs, wallMs));
}

export function byDuration(ops: Record<string, unknown>[]): Record<string, unknown>[] {
  return ops.sort((a, b) => Number(b.duration) - Number(a.duration));
}

function dumpOp(op: OpRecord, ageMs: number, wallMs: number): Record<string, unknown> {
  const { description, client, tid, startedMs, endedMs, point } = op;
  const seconds = (endedMs === undefined ? ageMs : endedMs - startedMs) / 1000;
  const startedAt = stampOfMs(wallMs - ageMs);
  const events = [{ event: 'initiated', time: startedAt, duration: 0 }];
  if (endedMs !== undefined) {
    const time = stampOfMs(wallMs - ageMs + endedMs - startedMs);
    events.push({ event: 'done', time, duration: seconds });
  }
  return {
    description,
    initiated_at: startedAt,
    age: ageMs / 1000,
    duration: seconds,
    type_data: {
      flag_point: point,
      client_info: { client, tid },
      events,
    },
  };
}
