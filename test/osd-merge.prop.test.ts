// Merging a member's log with the authoritative one, against a model: whatever both did since they last agreed, a member
// that gets what it is then said to lack holds what the authoritative history holds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ENTRY, oidKey, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import { mergeLog } from '../src/osd/log/merge.ts';
import { PgLog, sameVersion } from '../src/osd/log/pg-log.ts';
import { missingSet } from '../src/osd/pg/missing.ts';
import { EVERSION_ZERO, type EVersion } from '../src/wire/index.ts';
import { objectNamed } from './support/pg-views.ts';

type Objects = Map<string, EVersion>;
interface Step {
  readonly name: string;
  readonly what: 'write' | 'delete' | 'refuse';
}

/** Does the steps to a set of objects, as a primary in an epoch would, and logs them. */
function perform(
  objects: Objects,
  head: EVersion,
  epoch: number,
  steps: readonly Step[],
): Logged[] {
  let previous = head;
  return steps.map(({ name, what }) => {
    const version = { epoch, version: previous.version + 1n };
    const prior = objects.get(name) ?? EVERSION_ZERO;
    if (what === 'write') objects.set(name, version);
    if (what === 'delete') objects.delete(name);
    const kind = { write: ENTRY.modify, delete: ENTRY.delete, refuse: ENTRY.error }[what];
    const entry = {
      kind,
      version,
      previous,
      prior,
      oid: objectNamed(name),
      reqid: { name: { type: 8, num: epoch }, tid: version.version, inc: 0 },
      userVersion: version.version,
      result: 0,
      totals: TOTALS_ZERO,
    };
    previous = version;
    return Logged.of(entry);
  });
}

const steps = fc.array(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    what: fc.constantFrom<Step['what']>('write', 'write', 'delete', 'refuse'),
  }),
  { maxLength: 8 },
);
/** Which of the member's objects never came to it. */
const lacking = fc.subarray(['a', 'b', 'c', 'd']);

it('leaves a member with what the authoritative history holds, once it has what it lacks', () => {
  fc.assert(
    fc.property(
      steps,
      steps,
      steps,
      steps,
      lacking,
      fc.nat(8),
      (old, common, mine, theirs, lacks, cut) => {
        const shared: Objects = new Map();
        const before = perform(shared, EVERSION_ZERO, 1, [...old, ...common]);
        const base = before.at(-1)?.version ?? EVERSION_ZERO;
        const ours: Objects = new Map(shared);
        const right: Objects = new Map(shared);
        const divergent = perform(ours, base, 2, mine);
        const authoritative = perform(right, base, 3, theirs);

        // The log of both may have been cut anywhere up to where they agree.
        const from = Math.min(cut, before.length);
        const tail = from > 0 ? before[from - 1]!.version : EVERSION_ZERO;
        const log = new PgLog(tail, [...before.slice(from), ...divergent]);
        // What did not come of the common past, and was not touched since: who is written to has got it before.
        const untouched = lacks.filter(
          (n) => shared.has(n) && !mine.some((s) => s.name === n && s.what !== 'refuse'),
        );
        const missing = missingSet(
          untouched.map((n) => ({ oid: objectNamed(n), need: shared.get(n)! })),
        );
        for (const name of untouched) ours.delete(name);

        const found = log.newestCommon(
          tail,
          before
            .slice(from)
            .map((e) => e.version)
            .concat(authoritative.map((e) => e.version)),
        );
        expect(found).toEqual(base);
        const changes = mergeLog(log, missing, base, authoritative);

        for (const { name } of changes.removed) ours.delete(name);
        for (const { oid: o, need } of missing.values()) {
          // Somebody has it: it is what the authoritative history says of the object.
          expect(right.get(o.name)).toEqual(need);
          ours.set(o.name, need);
        }
        expect([...ours].sort()).toEqual([...right].sort());
        // Nothing is brought that was there already.
        const touched = new Set<string>(
          [...mine, ...theirs].filter((s) => s.what !== 'refuse').map((s) => s.name),
        );
        for (const key of missing.keys())
          expect(touched.has(key) || untouched.some((n) => n === key)).toBe(true);
        const head = authoritative.at(-1)?.version ?? base;
        expect(sameVersion(log.head, head)).toBe(true);
        expect(changes.divergent).toEqual(divergent.map((e) => e.version));
        for (const e of divergent) expect(log.find(e.reqidKey)).toBeUndefined();
        for (const e of authoritative) expect(log.find(e.reqidKey)?.version).toEqual(e.version);
        expect(changes.notMissing.every((key) => !missing.has(key))).toBe(true);
        for (const item of changes.missing) expect(missing.get(oidKey(item.oid))).toEqual(item);
      },
    ),
    { numRuns: 400 },
  );
});
