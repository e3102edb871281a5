import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { OpOutcome } from '../src/osd/ops/index.ts';
import { OpHarness, type VectorOp } from './support/osd-ops-harness.ts';

// Every answer of the table comes from a real OSD: test/golden/osd-ops/README.md.

interface Answer {
  ack: boolean;
  result: number;
  results: number[];
  outputs: string[];
  version: number;
  userVersion: number;
}
interface Recorded {
  name: string;
  ns: string;
  key: string;
  hash: number;
  flags: number;
  mtime: [number, number];
  snapid: string;
  snapSeq: number;
  snaps: number[];
  ops: VectorOp[];
  answer: Answer;
}

const file = new URL('./golden/osd-ops/answers.json.gz', import.meta.url);
const golden = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
  pool: number;
  requests: Recorded[];
};

function answerOf(outcome: OpOutcome, version: number): Answer {
  return {
    ack: outcome.kind !== 'early',
    result: outcome.result,
    results: [...outcome.results],
    outputs: outcome.outputs.map((o) => (o ? Buffer.from(o).toString('hex') : '')),
    version,
    userVersion: Number(outcome.userVersion),
  };
}

describe('a 16.2 OSD and the interpreter', () => {
  it(`answer ${golden.requests.length} requests alike, each seeing the effects of those before`, async () => {
    const harness = new OpHarness(golden.pool);
    for (const [i, r] of golden.requests.entries()) {
      const { outcome, version } = await harness.ask({
        ...r,
        snapid: BigInt(r.snapid),
        mtime: { sec: r.mtime[0], nsec: r.mtime[1] },
      });
      const codes = r.ops.map((op) => op.code.toString(16)).join(' ');
      expect({ i, codes, name: r.name.slice(0, 20), ...answerOf(outcome, version) }).toEqual({
        i,
        codes,
        name: r.name.slice(0, 20),
        ...r.answer,
      });
    }
    expect(golden.requests.length).toBeGreaterThan(400);
  });
});
