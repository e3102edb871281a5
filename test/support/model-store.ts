import { createHash } from 'node:crypto';
import type {
  Collection,
  ObjectStore,
  PgBounds,
  StoreOp,
  Transaction,
} from '../../src/store/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../../src/wire/index.ts';

interface ModelCollection {
  bounds: PgBounds | undefined;
  objects: Model[];
}

interface Model {
  oid: HObject;
  data: Buffer;
  attrs: Map<string, string>;
  omap: Map<string, string>;
  header: string | undefined;
}

const text = (b: Uint8Array) => Buffer.from(b).latin1Slice();

/** The plainest possible object store: what each step means, without any thought for speed. */
export class ModelStore {
  readonly colls = new Map<Collection, ModelCollection>();

  apply(txn: Transaction): void {
    for (const op of txn) this.step(op);
  }

  find(c: Collection, oid: HObject): Model | undefined {
    return this.colls.get(c)!.objects.find((o) => compareHObject(o.oid, oid) === 0);
  }

  private make(c: Collection, oid: HObject): Model {
    let o = this.find(c, oid);
    if (!o) {
      o = { oid, data: Buffer.alloc(0), attrs: new Map(), omap: new Map(), header: undefined };
      this.colls.get(c)!.objects.push(o);
      this.sort(c);
    }
    return o;
  }

  private drop(c: Collection, oid: HObject): void {
    const coll = this.colls.get(c)!;
    coll.objects = coll.objects.filter((o) => compareHObject(o.oid, oid) !== 0);
  }

  private sort(c: Collection): void {
    this.colls.get(c)!.objects.sort((a, b) => compareHObject(a.oid, b.oid));
  }

  private step(op: StoreOp): void {
    if (op.op === 'mkcoll') {
      this.colls.set(op.c, { bounds: op.bounds, objects: [] });
      return;
    }
    if (op.op === 'rmcoll') {
      this.colls.delete(op.c);
      return;
    }
    if (op.op === 'splitcoll') {
      const { c, dest, bits, seed } = op;
      const { bounds, objects } = this.colls.get(c)!;
      const isMoved = ({ oid }: Model) => (oid.hash & (2 ** bits - 1)) >>> 0 === seed;
      const { pool } = bounds!;
      this.colls.set(dest, { bounds: { pool, seed, bits }, objects: objects.filter(isMoved) });
      const rest = objects.filter((o) => !isMoved(o));
      this.colls.set(c, { bounds: { ...bounds!, bits }, objects: rest });
      return;
    }
    if (op.op === 'mergecoll') {
      const { c, dest, bits } = op;
      const { bounds, objects } = this.colls.get(dest)!;
      const all = [...objects, ...this.colls.get(c)!.objects];
      this.colls.delete(c);
      this.colls.set(dest, { bounds: { ...bounds!, bits }, objects: all });
      this.sort(dest);
      return;
    }
    if (op.op === 'cloneRange') {
      const from = this.find(op.c, op.from);
      if (!from) return;
      const bytes = Buffer.from(from.data.subarray(op.offset, op.offset + op.length));
      const to = this.make(op.c, op.to);
      if (bytes.length === 0) return;
      const end = Math.max(to.data.length, op.at + bytes.length);
      const data = Buffer.alloc(end);
      data.set(to.data);
      data.set(bytes, op.at);
      to.data = data;
      return;
    }
    if (op.op === 'clone') {
      const from = this.find(op.c, op.from);
      if (!from || compareHObject(op.from, op.to) === 0) return;
      this.drop(op.c, op.to);
      const to = this.make(op.c, op.to);
      to.data = Buffer.from(from.data);
      to.attrs = new Map(from.attrs);
      to.omap = new Map(from.omap);
      to.header = from.header;
      return;
    }
    if (op.op === 'remove') {
      this.drop(op.c, op.oid);
      return;
    }
    const creates = !['rmattr', 'omapRmKeys', 'omapRmRange', 'omapClear'].includes(op.op);
    const o = creates ? this.make(op.c, op.oid) : this.find(op.c, op.oid);
    if (!o) return;
    const grow = (size: number) => {
      if (size > o.data.length)
        o.data = Buffer.concat([o.data, Buffer.alloc(size - o.data.length)]);
    };
    switch (op.op) {
      case 'write':
        if (op.data.length === 0) return;
        grow(op.offset + op.data.length);
        o.data.set(op.data, op.offset);
        return;
      case 'zero':
        if (op.length === 0) return;
        grow(op.offset + op.length);
        o.data.fill(0, op.offset, op.offset + op.length);
        return;
      case 'truncate':
        grow(op.size);
        o.data = Buffer.from(o.data.subarray(0, op.size));
        return;
      case 'setattrs':
        for (const [k, v] of op.attrs) o.attrs.set(k, text(v));
        return;
      case 'rmattr':
        o.attrs.delete(op.name);
        return;
      case 'omapSet':
        for (const [k, v] of op.entries) o.omap.set(k, text(v));
        return;
      case 'omapRmKeys':
        for (const k of op.keys) o.omap.delete(k);
        return;
      case 'omapRmRange':
        for (const k of [...o.omap.keys()]) if (k >= op.from && k < op.to) o.omap.delete(k);
        return;
      case 'omapClear':
        o.omap.clear();
        o.header = undefined;
        return;
      case 'omapSetHeader':
        o.header = text(op.header);
        return;
    }
  }

  /** Everything, in a form that two stores can be compared by. */
  dump(): string {
    const out: unknown[] = [];
    for (const c of [...this.colls.keys()].sort()) {
      for (const o of this.colls.get(c)!.objects) {
        out.push([
          c,
          nameOf(o.oid),
          hash(o.data),
          o.data.length,
          sorted(o.attrs),
          sorted(o.omap),
          o.header,
        ]);
      }
      out.push([c, this.colls.get(c)!.bounds]);
    }
    return JSON.stringify(out);
  }
}

/** What a real store holds, in the same form. Checks on the way that listing by pages misses nothing. */
export async function dumpStore(store: ObjectStore): Promise<string> {
  const out: unknown[] = [];
  for (const c of store.collections()) {
    let from: HObject | undefined = HOBJECT_MIN;
    while (from) {
      const page: { objects: HObject[]; next: HObject | undefined } = store.list(c, from, 3);
      for (const oid of page.objects) {
        const size = store.stat(c, oid)!.size;
        const data = await store.read(c, oid, 0, size + 10);
        const attrs = new Map([...store.getattrs(c, oid)].map(([k, v]) => [k, text(v)]));
        const omap = new Map<string, string>();
        let after: string | undefined;
        for (;;) {
          const got = store.omapList(c, oid, { after, limit: 4 });
          for (const [k, v] of got.entries) omap.set(k, text(v));
          after = got.entries.at(-1)?.[0];
          if (!got.more) break;
        }
        const header = store.omapHeader(c, oid);
        out.push([
          c,
          nameOf(oid),
          hash(data),
          size,
          sorted(attrs),
          [...omap],
          header && text(header),
        ]);
        if (data.length !== size) throw new Error(`read ${data.length} of ${size} bytes`);
      }
      from = page.next;
    }
    out.push([c, store.bounds(c)]);
  }
  return JSON.stringify(out);
}

function sorted(map: Map<string, string>): [string, string][] {
  return [...map].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function nameOf(oid: HObject): unknown[] {
  const key = oid.key === oid.name ? '' : oid.key;
  return [oid.pool, oid.hash, oid.namespace, key, oid.name, String(oid.snap)];
}

function hash(data: Uint8Array): string {
  return createHash('sha1').update(data).digest('base64');
}
