import { CrushTextError } from './errors.ts';

/** Spaces of the C locale. */
const WHITE = /[ \t\v\f\r]+/g;

/**
 * The text that the grammar sees: one line, comments gone, runs of white space squeezed; and the way back to the lines of
 * the file for an error. A NUL ends the text, as it does for Ceph.
 */
export class Source {
  readonly text: string;
  readonly #lines: readonly string[];
  /** Where each line begins in `text`, ascending; a line of no text shares its place with the end of the line before. */
  readonly #starts: readonly number[];

  constructor(file: string) {
    const lines = file.split('\n');
    if (lines.at(-1) === '') lines.pop();
    const starts: number[] = [];
    const parts: string[] = [];
    let length = 0;
    for (const line of lines) {
      const part = line.replace(/#.*/s, '').replace(WHITE, ' ').trim();
      if (part !== '' && length > 0) {
        parts.push(' ');
        length++;
      }
      starts.push(length);
      parts.push(part);
      length += part.length;
    }
    const text = parts.join('');
    const nul = text.indexOf('\0');
    this.text = nul < 0 ? text : text.slice(0, nul);
    this.#lines = lines;
    this.#starts = starts;
  }

  /** The error of a text that is not understood from `position` on, which is the end of the last whole statement. */
  parseError(fileName: string, position: number): CrushTextError {
    let line = this.#starts.length - 1;
    while (line > 0 && this.#starts[line]! > position) line--;
    // The count is of squeezed text and the line is not: Ceph is that careless.
    const rest = this.#lines[line]!.slice(position - this.#starts[line]!);
    return new CrushTextError([`${fileName}:${line + 1} error: parse error at '${rest}'`]);
  }
}
