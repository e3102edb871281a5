interface Entry<V> {
  key: string;
  value: V;
}

/**
 * Lays changes over sorted entries, both ascending or both descending: a changed value replaces, `null` removes.
 * What `below` yields for a key that is changed is skipped.
 */
export function* mergeRange<V>(
  below: Iterable<Entry<V>>,
  changes: Iterable<[string, V | null]>,
  reverse = false,
): Generator<Entry<V>> {
  const iterator = changes[Symbol.iterator]();
  let change = iterator.next();
  for (const entry of below) {
    while (!change.done && (reverse ? change.value[0] > entry.key : change.value[0] < entry.key)) {
      const [key, value] = change.value;
      if (value !== null) yield { key, value };
      change = iterator.next();
    }
    if (change.done || change.value[0] !== entry.key) yield entry;
  }
  for (; !change.done; change = iterator.next()) {
    const [key, value] = change.value;
    if (value !== null) yield { key, value };
  }
}
