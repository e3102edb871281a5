// A member lists a PG from holders that know different stages of its history, while clients change it.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstObject, Import, type ListedObjects } from '../src/osd/recovery/import.ts';
import {
  compareHObject,
  type EVersion,
  HOBJECT_MAX,
  type HObject,
  SNAP_HEAD,
} from '../src/wire/index.ts';

const NAMES = 12;
const nameOf = (n: number): string => `o${String.fromCharCode(97 + n)}`;
const oid = (name: string): HObject => ({ ...firstObject(1), name, snap: SNAP_HEAD });
const v = (n: number): EVersion => ({ epoch: 1, version: BigInt(n) });

/** What exists in which version, as somebody knows it. */
type Objects = Map<string, number>;

/** What a holder lists from a place on, so many at a time; only before `end`. */
function pageOf(objects: Objects, from: HObject, size: number, end: HObject): ListedObjects {
  const rest = [...objects.keys()].sort().filter((n) => {
    return compareHObject(oid(n), from) >= 0 && compareHObject(oid(n), end) < 0;
  });
  const names = rest.slice(0, size);
  const beyond = rest[size];
  const found = names.map((n) => ({ oid: oid(n), need: v(objects.get(n)!) }));
  if (compareHObject(from, end) >= 0) return { from, objects: [], next: from };
  return { from, objects: found, next: beyond ? oid(beyond) : end };
}

/** The member that imports: what it has, what it lacks, what its import knows. */
class Member {
  readonly here: Objects;
  readonly missing: Objects = new Map();
  readonly machine: Import;

  constructor(here: Objects, touched: Objects, deleted: Iterable<string>) {
    this.here = here;
    const settled = [...touched.keys(), ...deleted];
    this.machine = new Import({ base: v(0), cursor: firstObject(1), sources: [1] }, settled);
    for (const [name, version] of touched) this.learn(name, version);
    for (const name of deleted) this.learn(name, undefined);
  }

  learn(name: string, version: number | undefined): void {
    if (version === undefined) this.here.delete(name);
    else if (this.here.get(name) !== version) this.missing.set(name, version);
  }

  take(page: ListedObjects): void {
    const news = this.machine.news(page);
    if (!news) return;
    const here = [...this.here.keys()]
      .map(oid)
      .filter((o) => compareHObject(o, news.from) >= 0 && compareHObject(o, news.next) < 0);
    const have = (o: HObject): EVersion | undefined => {
      const version = this.here.get(o.name);
      return version === undefined ? undefined : v(version);
    };
    const { lacking, surplus } = this.machine.take(news, here, (k) => this.missing.has(k), have);
    for (const o of surplus) this.here.delete(o.name);
    for (const item of lacking) this.missing.set(item.oid.name, Number(item.need.version));
  }

  /** It is given the object as it is, or told that there is none. */
  give(name: string, version: number | undefined): void {
    this.missing.delete(name);
    if (version === undefined) this.here.delete(name);
    else this.here.set(name, version);
    this.machine.frontier.settle(name);
  }
}

const objects = fc
  .array(fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }), {
    minLength: NAMES,
    maxLength: NAMES,
  })
  .map((versions): Objects => {
    const pairs = versions.flatMap((version, n) =>
      version === undefined ? [] : [[nameOf(n), version] as [string, number]],
    );
    return new Map(pairs);
  });
const name = fc.integer({ min: 0, max: NAMES - 1 }).map(nameOf);
/** What the log says that came after `base`: a version, or deleted. */
const changes = fc.array(fc.tuple(name, fc.boolean()), { maxLength: 5 });
const step = fc.oneof(
  fc.record({
    kind: fc.constant('page' as const),
    source: fc.constantFrom('stray', 'member', 'importer'),
    size: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant('again' as const), at: fc.nat(20) }),
  fc.record({ kind: fc.constant('change' as const), name, deletes: fc.boolean() }),
  fc.record({ kind: fc.constant('ask' as const), name }),
);

it('ends with exactly what exists, whoever lists, in whatever pieces, and whatever is changed meanwhile', () => {
  fc.assert(
    fc.property(
      objects,
      objects,
      changes,
      fc.array(step, { maxLength: 40 }),
      (atBase, own, log, steps) => {
        // The holders of the past: one stopped at `base`, the others know the log.
        const truth: Objects = new Map(atBase);
        let next = 10;
        for (const [n, deletes] of log) {
          if (deletes) truth.delete(n);
          else truth.set(n, next++);
        }
        const touched = new Map([...truth].filter(([n]) => log.some(([t]) => t === n)));
        const deleted = log.map(([n]) => n).filter((n) => !truth.has(n));
        const member = new Member(new Map(own), touched, deleted);
        const end = oid(nameOf(7));
        const sources: Record<string, () => [Objects, HObject]> = {
          stray: () => [atBase, HOBJECT_MAX],
          member: () => [truth, HOBJECT_MAX],
          importer: () => [truth, end],
        };
        const sent: ListedObjects[] = [];
        const list = (source: string, size: number): void => {
          const page = pageOf(...sourcePage(sources[source]!(), member, size));
          sent.push(page);
          member.take(page);
        };
        for (const s of steps) {
          if (s.kind === 'page') list(s.source, s.size);
          else if (s.kind === 'again') {
            const page = sent[s.at];
            if (page) member.take(page);
          } else if (s.kind === 'ask') {
            if (
              member.machine.frontier.isBeyond(s.name, oid(s.name)) &&
              !member.missing.has(s.name)
            ) {
              member.machine.frontier.settle(s.name);
              member.learn(s.name, atBase.get(s.name));
            }
          } else {
            // Nobody changes an object before the member has it as it is.
            const isOpen = member.machine.frontier.isBeyond(s.name, oid(s.name));
            if (isOpen || member.missing.has(s.name)) member.give(s.name, truth.get(s.name));
            if (s.deletes) truth.delete(s.name);
            else truth.set(s.name, next++);
            member.give(s.name, truth.get(s.name));
          }
        }
        for (let i = 0; i < NAMES && !member.machine.isListed; i++) list('stray', 2);
        expect(member.machine.isListed).toBe(true);
        for (const [n, version] of member.missing) expect([n, truth.get(n)]).toEqual([n, version]);
        for (const n of member.missing.keys()) member.here.set(n, truth.get(n)!);
        expect([...member.here].sort()).toEqual([...truth].sort());
      },
    ),
  );
});

function sourcePage(
  [known, end]: [Objects, HObject],
  member: Member,
  size: number,
): [Objects, HObject, number, HObject] {
  return [known, member.machine.frontier.cursor, size, end];
}
