import type { CallOptions } from './abort.ts';
import type { Objecter } from './objecter/objecter.ts';
import type { Target } from './objecter/placement.ts';
import { type Data, type Name, nameBytes } from './op-step.ts';
import { type ObjectInfo, ReadOp } from './read-op.ts';
import { type Entries, WriteOp, type WriteOptions } from './write-op.ts';

/** What a write answers. */
export interface Written {
  /** The object's version after it: for `assertVersion`. */
  readonly version: bigint;
}

/**
 * One object of a pool; it need not exist. Every call is one request to the PG's primary and is sent again by itself
 * when the primary changes. Errors are CephError with the OSD's errno. Buffers given to a call must not change before
 * it ends; buffers that come back are the caller's.
 */
export class RadosObject {
  /** Object name; bytes that are not UTF-8 show as U+FFFD. */
  readonly name: string;
  private readonly objecter: Objecter;
  private readonly target: Target;

  constructor(objecter: Objecter, target: Target, name: Name) {
    this.objecter = objecter;
    this.target = target;
    this.name = typeof name === 'string' ? name : Buffer.from(name).toString('utf8');
  }

  /** Applies all steps together or none. */
  async write(op: WriteOp, options?: WriteOptions): Promise<Written>;
  /** Writes at `offset` (default 0); a gap reads as zeros. EFBIG above the cluster's osd_max_object_size. */
  async write(data: Data, options?: WriteOptions & { offset?: number }): Promise<Written>;
  async write(
    what: WriteOp | Data,
    options?: WriteOptions & { offset?: number },
  ): Promise<Written> {
    const op = what instanceof WriteOp ? what : new WriteOp().write(what, options?.offset ?? 0);
    const reply = await this.objecter.submit(this.target, op.steps, 'write', options);
    return { version: reply.userVersion };
  }

  /** Runs all steps on one state of the object; results in the order of the steps that have one. */
  async read<R extends unknown[]>(op: ReadOp<R>, options?: CallOptions): Promise<R>;
  /** Bytes from `offset` (default 0), short at the object's end; without `length` all the rest. */
  async read(options?: CallOptions & { offset?: number; length?: number }): Promise<Buffer>;
  async read(
    what?: ReadOp<unknown[]> | (CallOptions & { offset?: number; length?: number }),
    options?: CallOptions,
  ): Promise<unknown> {
    if (what instanceof ReadOp) return this.run(what, options);
    if (what?.length === 0) return Buffer.alloc(0);
    const op = new ReadOp().read(what?.offset ?? 0, what?.length ?? 0);
    return (await this.run(op, what))[0];
  }

  private async run(op: ReadOp<unknown[]>, options?: CallOptions): Promise<unknown[]> {
    const reply = await this.objecter.submit(this.target, op.steps, 'read', options);
    op.version = reply.userVersion;
    return op.readers.map(({ step, read }) => read(reply.outputs[step] ?? Buffer.alloc(0)));
  }

  /** Replaces the data; attributes and omap stay. */
  writeFull(data: Data, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().writeFull(data), options);
  }
  append(data: Data, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().append(data), options);
  }
  /** Cuts, or extends with zeros. */
  truncate(size: number, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().truncate(size), options);
  }
  zero(offset: number, length: number, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().zero(offset, length), options);
  }
  /** EEXIST with `exclusive` when it exists. */
  create(options?: WriteOptions & { exclusive?: boolean }): Promise<Written> {
    return this.write(new WriteOp().create({ exclusive: options?.exclusive }), options);
  }
  /** ENOENT when there is none. */
  remove(options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().remove(), options);
  }
  async stat(options?: CallOptions): Promise<ObjectInfo> {
    return (await this.read(new ReadOp().stat(), options))[0];
  }

  setXattr(name: Name, value: Data, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().setXattr(name, value), options);
  }
  async getXattr(name: Name, options?: CallOptions): Promise<Buffer> {
    return (await this.read(new ReadOp().getXattr(name), options))[0];
  }
  async xattrs(options?: CallOptions): Promise<Map<string, Buffer>> {
    return (await this.read(new ReadOp().xattrs(), options))[0];
  }
  rmXattr(name: Name, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().rmXattr(name), options);
  }

  setOmap(entries: Entries, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().setOmap(entries), options);
  }
  /** Values of the keys that exist. */
  async omapValues(keys: Iterable<Name>, options?: CallOptions): Promise<Map<string, Buffer>> {
    return (await this.read(new ReadOp().omapValues(keys), options))[0];
  }
  rmOmapKeys(keys: Iterable<Name>, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().rmOmapKeys(keys), options);
  }
  clearOmap(options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().clearOmap(), options);
  }
  async omapHeader(options?: CallOptions): Promise<Buffer> {
    return (await this.read(new ReadOp().omapHeader(), options))[0];
  }
  setOmapHeader(header: Data, options?: WriteOptions): Promise<Written> {
    return this.write(new WriteOp().setOmapHeader(header), options);
  }
  /** All entries in key order, fetched page by page. Each page is one moment of the object; the whole is not. */
  async *omap(
    options?: CallOptions & { after?: Name; prefix?: Name; pageSize?: number },
  ): AsyncGenerator<[key: string, value: Buffer]> {
    let after: Name | undefined = options?.after;
    do {
      const page = { after, prefix: options?.prefix, limit: options?.pageSize };
      const [{ entries, next }] = await this.read(new ReadOp().omapPage(page), options);
      yield* entries;
      after = next;
    } while (after !== undefined);
  }
}

/** The request's target for an object of a pool. */
export function targetOf(pool: number, namespace: string, name: Name, key?: Name): Target {
  return {
    pool,
    namespace,
    name: nameBytes(name),
    key: key === undefined ? '' : nameBytes(key),
    pgHash: undefined,
  };
}
