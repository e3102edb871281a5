import { decodeAll, encodeToBytes } from '../../codec/index.ts';
import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
import {
  type HObject,
  InconsistentObject,
  type ScrubLsArg,
  type ScrubLsResult,
} from '../../wire/index.ts';

/**
 * Keys of the PG's own object: `s`, which says that there was a scrub, and with eight digits its errors in the order of
 * finding. Above those of the log.
 */
const PREFIX = 's';
const END = 't';
/** One answer holds no more than this, whatever is asked for. */
const LIST_MAX = 1024;
const PAGE = 64;

/** Where the errors of a PG are kept. */
export interface ErrorsScope {
  readonly store: ObjectStore;
  readonly c: Collection;
  /** The PG's own object. */
  readonly meta: HObject;
}

/**
 * What the last scrub found, in the store of the primary that ran it, in the order of objects' hashes. It stays until the
 * next scrub, or a repair, begins. Methods that change it return what is to be submitted.
 */
export class FoundErrors {
  private readonly scope: ErrorsScope;
  private next = 0;
  /** The last one listed, so that the next page begins where it ended. */
  private listed: { readonly at: string; readonly id: string } | undefined;

  constructor(scope: ErrorsScope) {
    this.scope = scope;
  }

  /** A scrub begins. */
  begin(): StoreOp[] {
    const { c, meta: oid } = this.scope;
    const entries = new Map([[PREFIX, new Uint8Array(0)]]);
    return [this.forget(), { op: 'omapSet', c, oid, entries }];
  }

  forget(): StoreOp {
    const { c, meta: oid } = this.scope;
    this.next = 0;
    this.listed = undefined;
    return { op: 'omapRmRange', c, oid, from: PREFIX, to: END };
  }

  add(errors: readonly InconsistentObject[]): StoreOp {
    const { c, meta: oid } = this.scope;
    const entries = errors.map((e): [string, Uint8Array] => [
      PREFIX + (this.next++).toString(16).padStart(8, '0'),
      encodeToBytes(InconsistentObject, e),
    ]);
    return { op: 'omapSet', c, oid, entries: new Map(entries) };
  }

  /** The errors after an object; undefined when no scrub was run from here. */
  list(arg: ScrubLsArg): ScrubLsResult['values'] | undefined {
    const { store, c, meta } = this.scope;
    if (!store.omapGet(c, meta, [PREFIX]).has(PREFIX)) return undefined;
    if (arg.getSnapsets !== 0) return []; // an object without snapshots has none that could be wrong
    const most = arg.maxReturn < BigInt(LIST_MAX) ? Number(arg.maxReturn) : LIST_MAX;
    const values: Uint8Array[] = [];
    let after = this.placeOf(arg);
    for (;;) {
      const limit = Math.min(PAGE, most - values.length);
      if (limit <= 0) return values;
      const page = this.page(after, limit);
      for (const [key, value] of page.entries) {
        values.push(value);
        this.listed = { at: key, id: idOf(decodeAll(InconsistentObject, value).object) };
        after = key;
      }
      if (!page.more) return values;
    }
  }

  private page(after: string, limit: number): ReturnType<ObjectStore['omapList']> {
    const { store, c, meta } = this.scope;
    return store.omapList(c, meta, { after, prefix: PREFIX, limit });
  }

  /** The key of an object that was listed, or that of the beginning. */
  private placeOf(arg: ScrubLsArg): string {
    if (arg.name === '') return PREFIX;
    const id = idOf(arg);
    if (this.listed?.id === id) return this.listed.at;
    let after = PREFIX;
    for (;;) {
      const page = this.page(after, PAGE);
      for (const [key, value] of page.entries) {
        if (idOf(decodeAll(InconsistentObject, value).object) === id) return key;
        after = key;
      }
      if (!page.more) return PREFIX;
    }
  }
}

/** What clients name an object by when they ask for the next. */
function idOf(o: { name: string; namespace: string; snap: bigint }): string {
  return `${o.snap}:${o.namespace.length}:${o.namespace}${o.name}`;
}
