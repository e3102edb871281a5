import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAll, encodeToBytes } from '../src/codec/index.ts';
import { ENTRY, LogEntry, reqidKey } from '../src/osd/log/log-entry.ts';
import { Logged, writeLogEntry } from '../src/osd/log/logged.ts';
import { tryReadRepOp, writeRepOp } from '../src/osd/log/rep-op.ts';
import { MRepOp } from '../src/osd/peer-messages.ts';
import { SNAP_HEAD } from '../src/wire/index.ts';

const u32 = fc.nat({ max: 0xffff_ffff });
const u53 = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const u64 = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.constant(SNAP_HEAD));
const version = fc.record({ version: u64, epoch: u32 });
const name = fc.uint8Array({ maxLength: 60 }).map((bytes) => String.fromCharCode(...bytes));
const entries: fc.Arbitrary<LogEntry> = fc.record({
  kind: fc.constantFrom(...Object.values(ENTRY)),
  version,
  previous: version,
  prior: version,
  oid: fc.record({
    key: name,
    name,
    snap: u64,
    hash: u32,
    max: fc.boolean(),
    namespace: name,
    pool: fc.integer({ min: -1, max: 2 ** 40 }),
  }),
  reqid: fc.record({
    name: fc.record({ type: fc.nat({ max: 255 }), num: fc.integer({ min: -1, max: 2 ** 50 }) }),
    tid: u64,
    inc: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  }),
  userVersion: u64,
  result: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  totals: fc.record({
    lastUserVersion: u64,
    objects: u53,
    bytes: u53,
    dirty: u53,
    omapObjects: u53,
    wr: u53,
    wrKb: u53,
  }),
});

describe('log entries by hand', () => {
  it('are written as declared', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(writeLogEntry(entry)).toEqual(encodeToBytes(LogEntry, entry));
      }),
    );
  });

  it('tell from their bytes what their entry tells', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const item = Logged.from(encodeToBytes(LogEntry, entry));
        expect(item.entry).toEqual(entry);
        const { version, previous, result, userVersion, totals } = item;
        expect({ version, previous, result, userVersion, totals }).toEqual({
          version: entry.version,
          previous: entry.previous,
          result: entry.result,
          userVersion: entry.userVersion,
          totals: entry.totals,
        });
        expect(item.reqidKey).toBe(reqidKey(entry.reqid));
      }),
    );
  });

  it('are refused exactly when the declared codec refuses them, and else tell the same', () => {
    const change = fc.record({
      at: fc.nat({ max: 400 }),
      to: fc.nat({ max: 255 }),
      cut: fc.nat({ max: 3 }),
    });
    fc.assert(
      fc.property(entries, change, (entry, { at, to, cut }) => {
        const whole = encodeToBytes(LogEntry, entry);
        const bytes = Buffer.from(whole.subarray(0, whole.length - cut));
        bytes[at % bytes.length] = to;
        let declared: LogEntry | undefined;
        try {
          declared = decodeAll(LogEntry, bytes);
        } catch {
          // refused
        }
        if (!declared) expect(() => Logged.from(bytes)).toThrow();
        else {
          const item = Logged.from(bytes);
          expect(item.entry).toEqual(declared);
          expect(item.version).toEqual(declared.version);
          expect(item.reqidKey).toBe(reqidKey(declared.reqid));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('changes to members by hand', () => {
  const header = fc.record({
    pgid: fc.record({ pool: fc.nat({ max: 2 ** 40 }), seed: u32 }),
    epoch: u32,
    since: u32,
  });
  const bytes = fc.uint8Array({ maxLength: 300 });

  it('are written and read as declared', () => {
    fc.assert(
      fc.property(
        header,
        bytes,
        version,
        fc.boolean(),
        bytes,
        (about, entry, trimTo, isEarly, steps) => {
          const front = writeRepOp(about, entry, trimTo, isEarly, steps);
          const value = {
            ...about,
            entry: Buffer.from(entry),
            trimTo,
            isEarly,
            steps: Buffer.from(steps),
          };
          expect(front).toEqual(encodeToBytes(MRepOp.front, value));
          expect(tryReadRepOp(front)).toEqual(value);
        },
      ),
    );
  });

  it('are left to the declared codec when they are cut short', () => {
    fc.assert(
      fc.property(header, bytes, bytes, fc.nat(), (about, entry, steps, at) => {
        const front = writeRepOp(about, entry, { version: 1n, epoch: 1 }, false, steps);
        expect(tryReadRepOp(front.subarray(0, at % front.length))).toBeUndefined();
      }),
    );
  });
});
