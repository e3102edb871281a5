/**
 * What the text compiler or decompiler refuses. `lines` are exactly the lines that crushtool prints to its standard error
 * for it: usually one, sometimes none (the tool then fails in silence) or with an empty one behind.
 */
export class CrushTextError extends Error {
  readonly lines: readonly string[];
  /** What was printed before the failure; the decompiler of Ceph shows it, and the compiler has none. */
  readonly partial: string;
  constructor(lines: readonly string[], partial = '') {
    super(lines.filter((line) => line !== '').join('; ') || 'the CRUSH map is refused');
    this.name = 'CrushTextError';
    this.lines = lines;
    this.partial = partial;
  }
}
