import type { Column } from '../../codec/index.ts';

/** Columns with left titles: the first's cells left, the others' right, as the PG tables have them. */
export function statColumns(titles: readonly string[]): Column[] {
  return titles.map((title, i) => [title, 'l', i === 0 ? 'l' : 'r']);
}
