/** A column's title, and how its title and its cells are aligned: `l` left, `r` right. */
export type Column = readonly [title: string, titleAlign: 'l' | 'r', cellAlign: 'l' | 'r'];

/**
 * Rows under a heading as Ceph's TextTable prints them: two spaces between columns, every cell padded to its column,
 * a newline after each line. Source: common/TextTable, release 16.2.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(([title], i) =>
    rows.reduce((width, row) => Math.max(width, row[i]!.length), title.length),
  );
  const line = (cells: readonly string[], aligns: readonly ('l' | 'r')[]): string => {
    const padded = cells.map((cell, i) =>
      aligns[i] === 'l' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
    );
    return `${padded.join('  ')}\n`;
  };
  const titleAligns = columns.map((c) => c[1]);
  const cellAligns = columns.map((c) => c[2]);
  const head = line(
    columns.map((c) => c[0]),
    titleAligns,
  );
  return head + rows.map((row) => line(row, cellAligns)).join('');
}
