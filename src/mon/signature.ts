import type { CommandSpec } from './command.ts';

/** A word, or an argument with the attributes that the `ceph` program checks it by. */
export type SignatureItem = string | Readonly<Record<string, string>>;

/** Reads the compact form of {@link CommandSpec.sig}: words, and `name=..,type=..,key=value` arguments. */
export function parseSignature(sig: string): SignatureItem[] {
  return sig
    .trim()
    .split(/\s+/)
    .map((word) => {
      if (!word.includes('=')) return word;
      // A comma separates attributes only where a key follows it.
      const pairs = word.split(/,(?=[a-z]+=)/).map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at), pair.slice(at + 1)] as const;
      });
      return Object.fromEntries(pairs);
    });
}

/** The words in front of the arguments, by which a command is found: `osd pool create`. */
export function prefixOf(sig: string): string {
  const words: string[] = [];
  for (const item of parseSignature(sig)) {
    if (typeof item !== 'string') break;
    words.push(item);
  }
  return words.join(' ');
}

const INTEGER_TYPES: ReadonlySet<string | undefined> = new Set(['CephInt', 'CephOsdName']);

/** The names of the arguments that are whole numbers. */
export function integersOf(sig: string): string[] {
  return parseSignature(sig).flatMap((item) =>
    typeof item !== 'string' && INTEGER_TYPES.has(item.type) ? [item.name!] : [],
  );
}

/** The JSON that answers `get_command_descriptions` (fact sheet §7.3). */
export function commandDescriptions(specs: readonly CommandSpec[]): string {
  const table: Record<string, unknown> = {};
  specs.forEach((spec, i) => {
    table[`cmd${String(i).padStart(3, '0')}`] = {
      sig: parseSignature(spec.sig),
      help: spec.help,
      module: spec.module,
      perm: spec.perm,
      flags: spec.flags ?? 0,
    };
  });
  return JSON.stringify(table);
}
