import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeToBytes } from '../src/codec/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import {
  argsBytes,
  decodeFront,
  MOSDOp,
  MOSDOpReply,
  OSD_OP_ARGS,
  type OSDOp,
  type OSDOpReply,
  type OsdOp,
  type OsdOpArgsForm,
  readArgs,
  readExtent,
  readOSDOp,
  readOSDOpReply,
  tryReadOSDOp,
  tryReadOSDOpReply,
  writeOSDOp,
  writeOSDOpReply,
} from '../src/wire/index.ts';
import { generated, mutated } from './support/generated.ts';

/** Ops by value: where in which buffer their arguments stand is no part of what they are. */
function plain<V extends { ops: OsdOp[] }>(v: V): unknown {
  const ops = v.ops.map(({ args, argsOffset, ...op }) => ({
    ...op,
    args: Buffer.from(args.subarray(argsOffset, argsOffset + 28)).toString('hex'),
  }));
  return { ...v, ops };
}

test('the hand-written MOSDOp reader and writer agree with the declared codec', () => {
  fc.assert(
    fc.property(generated(MOSDOp.front), (v: OSDOp) => {
      const front = encodeToBytes(MOSDOp.front, v);
      expect(writeOSDOp(v).equals(front)).toBe(true);
      const fast = tryReadOSDOp(front);
      const declared = plain(decodeFront(MOSDOp, { front }));
      // Negative entity numbers are for the declared codec.
      if (v.reqid.name.num >= 0) expect(fast).toBeDefined();
      expect(plain(fast ?? readOSDOp({ front }))).toEqual(declared);
    }),
  );
});

test('the hand-written MOSDOpReply reader and writer agree with the declared codec', () => {
  fc.assert(
    fc.property(generated(MOSDOpReply.front), (v: OSDOpReply) => {
      const whole = encodeToBytes(MOSDOpReply.front, v);
      expect(plain(readOSDOpReply({ front: whole }))).toEqual(plain(v));
      const direct = { ...v, redirect: undefined, flags: v.flags % 2 ** 32 };
      const front = encodeToBytes(MOSDOpReply.front, direct);
      expect(writeOSDOpReply(direct).equals(front)).toBe(true);
      const fast = tryReadOSDOpReply(front);
      expect(fast).toBeDefined();
      expect(plain(fast!)).toEqual(plain(decodeFront(MOSDOpReply, { front })));
    }),
  );
});

test('whatever the hand-written readers accept of mutated bytes, the declared codec reads the same', () => {
  const check = (v: { ops: OsdOp[] } | undefined, declared: () => { ops: OsdOp[] }): void => {
    if (v) expect(plain(v)).toEqual(plain(declared()));
  };
  fc.assert(
    fc.property(mutated(MOSDOp.front), (front) => {
      check(tryReadOSDOp(front), () => decodeFront(MOSDOp, { front }));
    }),
  );
  fc.assert(
    fc.property(mutated(MOSDOpReply.front), (front) => {
      check(tryReadOSDOpReply(front), () => decodeFront(MOSDOpReply, { front }));
    }),
  );
});

test('bytes behind the known fields are skipped, a cut-off request is refused', () => {
  const v = MOSDOp.front.generate({ below: (n) => Math.floor(n / 2) });
  const front = writeOSDOp(v);
  expect(plain(readOSDOp({ front: Buffer.concat([front, Buffer.alloc(9)]) }))).toEqual(plain(v));
  for (let n = 0; n < front.length; n++) {
    expect(() => readOSDOp({ front: front.subarray(0, n) })).toThrow(DecodeError);
  }
});

test('a request of an older version, or for newer receivers only, is refused', () => {
  const front = writeOSDOp(MOSDOp.front.generate({ below: () => 0 }));
  expect(() => readOSDOp({ front, version: 7 })).toThrow(/version 7, need 8/);
  expect(() => readOSDOp({ front, version: 9, compatVersion: 9 })).toThrow(/needs version 9/);
});

test('every form of arguments fits the 28 bytes and reads back', () => {
  for (const form of Object.keys(OSD_OP_ARGS) as OsdOpArgsForm[]) {
    fc.assert(
      fc.property(generated<unknown>(OSD_OP_ARGS[form]), (value) => {
        const args = argsBytes(form, value as never);
        expect(args.length).toBe(28);
        expect(readArgs(form, { args, argsOffset: 0 })).toEqual(value);
      }),
      { numRuns: 30 },
    );
  }
});

test('readExtent is the extent form, and reads numbers above 2^53 as the largest one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 28, maxLength: 28 }), (args) => {
      const op = { args: Buffer.concat([Buffer.alloc(3), args]), argsOffset: 3 };
      expect(readExtent(op)).toEqual(readArgs('extent', op));
    }),
  );
  const all = readExtent({ args: Buffer.alloc(28, 0xff), argsOffset: 0 });
  expect(all.length).toBe(Number.MAX_SAFE_INTEGER);
  expect(all.truncateSeq).toBe(0xffffffff);
});
