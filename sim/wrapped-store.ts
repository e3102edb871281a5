import type { ObjectStore } from '../src/store/index.ts';

/** A store of which some methods are others. Bound once: stores are asked all the time. */
export function wrappedStore(store: ObjectStore, own: Partial<ObjectStore>): ObjectStore {
  const methods: Record<string, unknown> = {};
  for (
    let level: object = store;
    level !== Object.prototype;
    level = Object.getPrototypeOf(level) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      const isMethod = typeof value === 'function' && name !== 'constructor';
      if (isMethod && !(name in methods)) methods[name] = value.bind(store);
    }
  }
  return Object.assign(methods, own) as unknown as ObjectStore;
}
