import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../src/errors/index.ts';
import type { OutgoingMessage } from '../src/msgr/index.ts';
import { Session } from '../src/msgr/session.ts';

const message = (n: number): OutgoingMessage => ({
  type: n,
  version: 1,
  compatVersion: 1,
  front: Buffer.alloc(n % 10),
});

/** The same as plainly as it can be said: a list of messages, numbered when sent. */
class Model {
  kept: { n: number; seq: number }[] = [];
  waiting: number[] = [];
  outSeq = 0;
  bytes(): number {
    return [...this.kept.map((k) => k.n), ...this.waiting].reduce((sum, n) => sum + (n % 10), 0);
  }
  requeue(from: number): void {
    this.waiting = [...this.kept.map((k) => k.n), ...this.waiting];
    this.kept = [];
    this.outSeq = from;
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('enqueue' as const), n: fc.nat(30) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), n: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), n: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const), n: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), n: fc.nat(1) }) },
);

describe('a session', () => {
  it.each([false, true])('queues, forgets and replays like a naive model (lossy: %s)', (lossy) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const session = new Session(lossy, false, []);
        const model = new Model();
        let count = 0;
        for (const { kind, n } of steps) {
          switch (kind) {
            case 'enqueue':
              // Enough at times that the queue is compacted.
              for (let i = 0; i < n * 20; i++) {
                session.enqueue(message(count));
                model.waiting.push(count++);
              }
              break;
            case 'send':
              for (let i = 0; i < n * 20 && model.waiting.length > 0; i++) {
                const sent = { n: model.waiting.shift()!, seq: ++model.outSeq };
                if (!lossy) model.kept.push(sent);
                expect(session.next().type).toBe(sent.n);
                expect(session.outSeq).toBe(sent.seq);
              }
              break;
            case 'ack': {
              const seq = Math.floor((model.outSeq * n) / 100);
              session.acknowledged(seq);
              model.kept = model.kept.filter((k) => k.seq > seq);
              break;
            }
            case 'resume': {
              if (lossy) break;
              const first = model.kept[0]?.seq ?? model.outSeq + 1;
              const seq = first - 1 + Math.floor((model.kept.length * n) / 100);
              session.resume(seq);
              model.kept = model.kept.filter((k) => k.seq > seq);
              model.requeue(seq);
              break;
            }
            case 'restart':
              session.restart();
              model.requeue(0);
          }
          expect(session.keptBytes).toBe(model.bytes());
          expect(session.unsent).toBe(model.waiting.length > 0);
          expect(session.pending).toBe(model.waiting.length + model.kept.length > 0);
          expect(session.outSeq).toBe(model.outSeq);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('drops what came before, and refuses a gap', () => {
    const session = new Session(false, false, []);
    expect([1, 2, 2, 1, 3].map((seq) => session.received(seq))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(() => session.received(5)).toThrow(DecodeError);
  });

  it('refuses an acknowledgement of what was never sent, or taken back', () => {
    const session = new Session(false, false, []);
    for (let n = 0; n < 3; n++) session.enqueue(message(n));
    session.next();
    session.next();
    expect(() => session.acknowledged(3)).toThrow(DecodeError);
    session.acknowledged(2);
    expect(() => session.resume(1)).toThrow(DecodeError);
  });
});
