import type { StoreUsage } from '../../../src/store/index.ts';
import type { PgStat } from './clean.ts';
import type { Run } from './run.ts';

/** A row of `osd df`. */
interface OsdRow {
  readonly id: number;
  readonly kb: number;
  readonly kb_used: number;
  readonly kb_used_data: number;
  readonly utilization: number;
  readonly var: number;
  readonly pgs: number;
}

export interface OsdDf {
  readonly nodes: readonly OsdRow[];
  readonly summary: {
    readonly average_utilization: number;
    readonly min_var: number;
    readonly max_var: number;
    readonly dev: number;
  };
}

/** What a store puts in its place when it is closed, and what was reported some seconds before, may differ by so much. */
const SLACK_BYTES = 2 * 2 ** 20;
const SLACK_SHARE = 0.02;

/** What `osd df` said is what the stores hold, and its columns agree with each other. All OSDs are in, with weight 1. */
export function verifySpace(
  run: Run,
  df: OsdDf,
  pgs: readonly PgStat[],
  usages: ReadonlyMap<number, StoreUsage>,
): void {
  const close = (what: string, said: number, is: number, slack: number): void => {
    if (Math.abs(said - is) > slack) run.fail(`osd df: ${what} is ${said}, should be ${is}`);
  };
  const { nodes, summary } = df;
  let squares = 0;
  for (const row of nodes) {
    const usage = usages.get(row.id);
    if (!usage) {
      run.fail(`osd df lists osd.${row.id}, which has no store`);
      continue;
    }
    const used = usage.allocatedBytes + usage.omapBytes + usage.metadataBytes;
    const name = `of osd.${row.id}`;
    close(`use ${name}`, row.kb_used * 1024, used, SLACK_BYTES + used * SLACK_SHARE);
    const { dataBytes: data } = usage;
    close(`data ${name}`, row.kb_used_data * 1024, data, SLACK_BYTES + data * SLACK_SHARE);
    close(`size ${name}`, row.kb * 1024, usage.totalBytes, 1024);
    close(`PGS ${name}`, row.pgs, pgs.filter((pg) => pg.acting.includes(row.id)).length, 0);
    close(`%USE ${name}`, row.utilization, (100 * row.kb_used) / row.kb, 1e-9);
    close(`VAR ${name}`, row.var, row.utilization / summary.average_utilization, 1e-9);
    squares += (row.utilization - summary.average_utilization) ** 2;
  }
  if (nodes.length !== usages.size) run.fail(`osd df lists ${nodes.length} of ${usages.size} OSDs`);
  close('MIN VAR', summary.min_var, Math.min(...nodes.map((n) => n.var)), 1e-9);
  close('MAX VAR', summary.max_var, Math.max(...nodes.map((n) => n.var)), 1e-9);
  close('STDDEV', summary.dev, Math.sqrt(squares / nodes.length), 1e-9);
}
