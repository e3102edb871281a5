import { type Evaluation, METRICS, type Metric, type RootStats } from '../../balancer/index.ts';
import { fixed } from '../../codec/index.ts';
import { type PythonValue, pythonText } from './python-text.ts';

// Source: Eval.show of pybind/mgr/balancer/module.py, release 16.2.

type ByOsd = ReadonlyMap<number, number>;

const fraction = (n: number): PythonValue => ({ fraction: n });
const mapped = <K extends string | number, V>(
  map: ReadonlyMap<K, V>,
  of: (value: V, key: K) => PythonValue,
): PythonValue => new Map([...map].map(([key, value]) => [key, of(value, key)]));
const byMetric = (of: (metric: Metric) => PythonValue): PythonValue =>
  new Map(METRICS.map((metric) => [metric, of(metric)]));
const shares = (count: ByOsd, total: number): PythonValue =>
  mapped(count, (n) => fraction(n / Math.max(total, 1)));

function stats(s: RootStats): PythonValue {
  // Of nothing all is the whole number 0.
  const isNothing = s.avg === 0 && s.max === 0;
  return new Map(Object.entries(s).map(([key, n]) => [key, isNothing ? 0 : fraction(n)]));
}

/** `balancer eval` and `balancer eval-verbose`. @param what the subject: `current cluster`, `pool "x"` ... */
export function evaluationText(what: string, e: Evaluation, verbose: boolean): string {
  const score = `score ${fixed(e.score, 6)} (lower is better)\n`;
  if (!verbose) return `${what} ${score}`;
  const actual = (
    counts: Evaluation['countByPool'],
    totals: Evaluation['totalByPool'],
  ): PythonValue =>
    mapped(counts, (c, name) => byMetric((m) => shares(c[m], totals.get(name)![m])));
  const lines: [string, PythonValue][] = [
    ['target_by_root', mapped(e.targetByRoot, (t) => mapped(t, fraction))],
    ['actual_by_pool', actual(e.countByPool, e.totalByPool)],
    ['actual_by_root', actual(e.countByRoot, e.totalByRoot)],
    ['count_by_pool', mapped(e.countByPool, (c) => byMetric((m) => mapped(c[m], (n) => n)))],
    ['count_by_root', mapped(e.countByRoot, (c) => byMetric((m) => mapped(c[m], fraction)))],
    ['total_by_pool', mapped(e.totalByPool, (t) => byMetric((m) => t[m]))],
    ['total_by_root', mapped(e.totalByRoot, (t) => byMetric((m) => t[m]))],
    ['stats_by_root', mapped(e.statsByRoot, (s) => byMetric((m) => stats(s[m])))],
    // Scores of pools are not computed by Ceph either.
    ['score_by_pool', new Map()],
    [
      'score_by_root',
      mapped(e.statsByRoot, (s) => byMetric((m) => (s[m].avg === 0 ? 0 : fraction(s[m].score)))),
    ],
  ];
  return `${what}\n${lines.map(([name, v]) => `${name} ${pythonText(v)}\n`).join('')}${score}`;
}
