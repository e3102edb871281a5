import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, readCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { type AutoscaleAdvice, autoscaleAdvice } from './autoscale.ts';

// `osd pool autoscale-status`, whose texts a Python module makes in Ceph: pybind/mgr/pg_autoscaler, mgr_util.format_units
// and PrettyTable without borders, release 16.2.15.

/** A number that Python knows as a float, as it prints it. */
function pyFloat(n: number): string {
  const text = String(n);
  if (!Number.isFinite(n)) return text;
  const size = Math.abs(n);
  if (n !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent] = n.toExponential().split('e');
    const sign = exponent!.startsWith('-') ? '-' : '+';
    return `${digits}e${sign}${exponent!.replace(/^[+-]/, '').padStart(2, '0')}`;
  }
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Bytes in `width` characters, the last of which is the unit. */
export function bytesIn(n: number, width: number): string {
  const units = ' kMGTPE';
  let unit = 0;
  while (String(Math.floor(n / 1024 ** unit)).length > width - 1) unit++;
  if (unit === 0) return `${String(Math.trunc(n)).padStart(width - 1)} `;
  const digits = (n / 1024 ** unit).toFixed(6).slice(0, width - 1);
  return (digits.endsWith('.') ? ` ${digits.slice(0, -1)}` : digits) + units[unit];
}

type Column = readonly [title: string, align: 'left' | 'right', of: (p: AutoscaleAdvice) => string];
const COLUMNS: readonly Column[] = [
  ['POOL', 'left', (p) => p.name],
  ['SIZE', 'right', (p) => bytesIn(p.logicalUsed, 6)],
  ['TARGET SIZE', 'right', (p) => (p.targetBytes > 0 ? bytesIn(p.targetBytes, 6) : '')],
  ['RATE', 'right', (p) => pyFloat(p.rate)],
  ['RAW CAPACITY', 'right', (p) => bytesIn(p.capacity, 6)],
  ['RATIO', 'right', (p) => p.capacityRatio.toFixed(4)],
  ['TARGET RATIO', 'right', (p) => (p.targetRatio > 0 ? p.targetRatio.toFixed(4) : '')],
  [
    'EFFECTIVE RATIO',
    'right',
    (p) => (p.effectiveTargetRatio > 0 ? p.effectiveTargetRatio.toFixed(4) : ''),
  ],
  ['BIAS', 'right', (p) => pyFloat(p.bias)],
  ['PG_NUM', 'right', (p) => String(p.pool.pgNumTarget)],
  ['NEW PG_NUM', 'right', (p) => (wouldAdjust(p) ? String(p.final) : '')],
  ['AUTOSCALE', 'left', (p) => p.mode],
  ['BULK', 'left', (p) => (p.isBulk ? 'True' : 'False')],
];

function wouldAdjust(p: AutoscaleAdvice): boolean {
  return p.isOff && p.mode === 'on';
}

function tableOf(pools: readonly AutoscaleAdvice[]): string {
  const columns = COLUMNS.map(([title, align, of]) => {
    const cells = [title, ...pools.map(of)];
    const width = Math.max(...cells.map((cell) => cell.length));
    return cells.map((cell) => (align === 'left' ? cell.padEnd(width) : cell.padStart(width)));
  });
  return columns[0]!.map((_, row) => columns.map((c) => `${c[row]}  `).join('')).join('\n');
}

/** Indented by four, members in the order of their names, floats with a point: as Python's json writes them. */
function jsonOf(pools: readonly AutoscaleAdvice[]): string {
  if (pools.length === 0) return '[]';
  const objects = pools.map((p) => {
    const members: Record<string, string> = {
      actual_capacity_ratio: pyFloat(p.actualCapacityRatio),
      actual_raw_used: pyFloat(p.actualRawUsed),
      bias: pyFloat(p.bias),
      bulk: String(p.isBulk),
      capacity_ratio: pyFloat(p.capacityRatio),
      crush_root_id: String(p.root),
      effective_target_ratio: pyFloat(p.effectiveTargetRatio),
      logical_used: String(p.logicalUsed),
      pg_autoscale_mode: JSON.stringify(p.mode),
      pg_num_final: String(p.final),
      pg_num_ideal: String(p.ideal),
      pg_num_target: String(p.pool.pgNumTarget),
      pool_id: String(p.id),
      pool_name: JSON.stringify(p.name),
      raw_used: pyFloat(p.rawUsed),
      raw_used_rate: pyFloat(p.rate),
      subtree_capacity: String(p.capacity),
      target_bytes: String(p.targetBytes),
      target_ratio: pyFloat(p.targetRatio),
      would_adjust: String(wouldAdjust(p)),
    };
    const lines = Object.entries(members).map(([name, text]) => `        "${name}": ${text}`);
    return `    {\n${lines.join(',\n')}\n    }`;
  });
  return `[\n${objects.join(',\n')}\n]`;
}

function status(state: MonState, args: CommandArgs): CommandReply {
  const { pools } = autoscaleAdvice(state);
  return ok(args.json ? jsonOf(pools) : tableOf(pools));
}

export const autoscaleStatusCommands = [
  readCommand(
    'mgr',
    'osd pool autoscale-status',
    'Say how many PGs each pool should have, and what is done about it',
    status,
  ),
];
