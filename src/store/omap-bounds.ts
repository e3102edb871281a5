/** The options of ObjectStore.omapList. */
export interface OmapListOptions {
  after?: string;
  from?: string;
  prefix?: string;
  limit: number;
}

/** The range from <= key < to that the options ask for; no `to` means up to the end. */
export function omapBounds(options: OmapListOptions): { from: string; to: string | undefined } {
  let from = options.from ?? '';
  if (options.after !== undefined && `${options.after}\0` > from) from = `${options.after}\0`;
  const prefix = options.prefix ?? '';
  if (prefix > from) from = prefix;
  return { from, to: prefixEnd(prefix) };
}

/** The least byte string above all that start with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix.charCodeAt(i);
    if (byte < 255) return prefix.slice(0, i) + String.fromCharCode(byte + 1);
  }
  return undefined;
}
