import { type ReadOp, WriteOp } from '../src/rados/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';

/** One step of a client's write to an object. Keys and values are ASCII. */
export type Step =
  | { readonly do: 'writeFull' | 'append'; readonly data: Buffer }
  | { readonly do: 'write'; readonly data: Buffer; readonly offset: number }
  | { readonly do: 'truncate'; readonly size: number }
  | { readonly do: 'zero'; readonly offset: number; readonly length: number }
  | { readonly do: 'create' | 'remove' | 'clearOmap' }
  | { readonly do: 'setXattr'; readonly key: string; readonly value: string }
  | { readonly do: 'setOmap'; readonly key: string; readonly value: string }
  | { readonly do: 'rmOmap'; readonly key: string }
  /** The rest is done only if the attribute is that. */
  | { readonly do: 'compareXattr'; readonly key: string; readonly value: string };

/** What an object is at one moment. Never changes. */
export interface ObjectState {
  readonly exists: boolean;
  readonly data: Buffer;
  readonly attrs: ReadonlyMap<string, string>;
  readonly omap: ReadonlyMap<string, string>;
}

const EMPTY = new Map<string, string>();
export const ABSENT: ObjectState = {
  exists: false,
  data: Buffer.alloc(0),
  attrs: EMPTY,
  omap: EMPTY,
};
export const ABSENT_PRINT = 'absent';

/** What tells two states of an object apart, short. */
export function fingerprint(state: ObjectState): string {
  if (!state.exists) return ABSENT_PRINT;
  return printOf(state.data, state.attrs, state.omap);
}

function printOf(
  data: Uint8Array,
  attrs: ReadonlyMap<string, string>,
  omap: ReadonlyMap<string, string>,
): string {
  const crc = nativeCrc32c(0, data).toString(36);
  return `${data.length}.${crc} ${listed(attrs)} ${listed(omap)}`;
}

function listed(map: ReadonlyMap<string, string>): string {
  if (map.size === 0) return '-';
  return [...map]
    .map(([k, v]) => `${k}=${v}`)
    .sort()
    .join(',');
}

/** What `readAll` saw, as {@link fingerprint} has it. */
export function printOfRead(
  data: Uint8Array,
  attrs: ReadonlyMap<string, Uint8Array>,
  omap: readonly (readonly [string, Uint8Array])[],
): string {
  const text = (v: Uint8Array): string => Buffer.from(v).toString('latin1');
  return printOf(
    data,
    new Map([...attrs].map(([k, v]) => [k, text(v)])),
    new Map(omap.map(([k, v]) => [k, text(v)])),
  );
}

/** Reads everything of an object at one moment. */
export function readAll<R extends unknown[]>(op: ReadOp<R>) {
  return op.read().xattrs().omapPage({ limit: 1000 });
}

/** The request that these steps are, all or none of them. */
export function writeOpOf(steps: readonly Step[]): WriteOp {
  const op = new WriteOp();
  for (const s of steps) {
    switch (s.do) {
      case 'writeFull':
        op.writeFull(s.data);
        break;
      case 'append':
        op.append(s.data);
        break;
      case 'write':
        op.write(s.data, s.offset);
        break;
      case 'truncate':
        op.truncate(s.size);
        break;
      case 'zero':
        op.zero(s.offset, s.length);
        break;
      case 'create':
        op.create({ exclusive: true });
        break;
      case 'remove':
        op.remove();
        break;
      case 'clearOmap':
        op.clearOmap();
        break;
      case 'setXattr':
        op.setXattr(s.key, s.value);
        break;
      case 'setOmap':
        op.setOmap({ [s.key]: s.value });
        break;
      case 'rmOmap':
        op.rmOmapKeys([s.key]);
        break;
      case 'compareXattr':
        op.compareXattr(s.key, 'EQ', s.value);
        break;
    }
  }
  return op;
}

/** What the steps do to an object, as RADOS defines it: the new state, or the errno for which nothing is done. */
export function applySteps(before: ObjectState, steps: readonly Step[]): ObjectState | string {
  let state = before;
  for (const step of steps) {
    const next = applyStep(state, step);
    if (typeof next === 'string') return next;
    state = next;
  }
  return state;
}

function applyStep(s: ObjectState, step: Step): ObjectState | string {
  switch (step.do) {
    case 'writeFull':
      return { ...s, exists: true, data: step.data };
    case 'append':
      return { ...s, exists: true, data: Buffer.concat([s.data, step.data]) };
    case 'write':
      return { ...s, exists: true, data: written(s.data, step.offset, step.data) };
    case 'truncate':
      return s.exists ? { ...s, data: resized(s.data, step.size) } : s;
    case 'zero': {
      // Up to the end or beyond, it cuts. Source: PrimaryLogPG::do_osd_ops, 16.2.
      const { offset, length } = step;
      if (!s.exists || offset >= s.data.length) return s;
      if (offset + length >= s.data.length) return { ...s, data: resized(s.data, offset) };
      return { ...s, data: written(s.data, offset, Buffer.alloc(length)) };
    }
    case 'create':
      return s.exists ? 'EEXIST' : { ...s, exists: true };
    case 'remove':
      return s.exists ? ABSENT : 'ENOENT';
    case 'setXattr':
      return { ...s, exists: true, attrs: new Map(s.attrs).set(step.key, step.value) };
    case 'setOmap':
      return { ...s, exists: true, omap: new Map(s.omap).set(step.key, step.value) };
    case 'rmOmap': {
      if (!s.exists) return 'ENOENT';
      const omap = new Map(s.omap);
      omap.delete(step.key);
      return { ...s, omap };
    }
    case 'clearOmap':
      return s.exists ? { ...s, omap: EMPTY } : 'ENOENT';
    case 'compareXattr':
      if (!s.exists) return 'ENOENT';
      return (s.attrs.get(step.key) ?? '') === step.value ? s : 'ECANCELED';
  }
}

function resized(data: Buffer, size: number): Buffer {
  if (size <= data.length) return data.subarray(0, size);
  return Buffer.concat([data, Buffer.alloc(size - data.length)]);
}

function written(data: Buffer, offset: number, bytes: Buffer): Buffer {
  const out = Buffer.alloc(Math.max(data.length, offset + bytes.length));
  data.copy(out);
  bytes.copy(out, offset);
  return out;
}
