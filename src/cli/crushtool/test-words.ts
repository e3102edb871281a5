import { testWeight } from '../../crush/index.ts';
import { type CephOption, leadingFloat, option } from '../ceph-args.ts';
import type { Request } from './request.ts';

const { flag, text, checkedInt, int, long, float } = option;

/** The options of `--test` and `--compare`. */
export function testOptions(r: Request): CephOption[] {
  const t = r.testOptions;
  t.deviceWeights = r.deviceWeights;
  const show = (name: string, set: () => void): CephOption =>
    flag([`--show_${name}`], () => {
      r.display = true;
      set();
    });
  const ratio = (name: string, set: (value: number) => void): CephOption =>
    float([`--${name}`], (value, words) => {
      words.check();
      set(value ?? 0);
    });
  return [
    flag(['-t', '--test'], () => {
      r.test = true;
    }),
    flag(['-s', '--simulate'], () => {
      t.simulate = true;
    }),
    show('utilization', () => {
      t.showUtilization = true;
    }),
    show('utilization_all', () => {
      t.showUtilizationAll = true;
    }),
    show('statistics', () => {
      t.showStatistics = true;
    }),
    show('mappings', () => {
      t.showMappings = true;
    }),
    show('bad_mappings', () => {
      t.showBadMappings = true;
    }),
    show('choose_tries', () => {
      t.showChooseTries = true;
    }),
    flag(['--output_csv'], () => {
      r.outputCsv = true;
    }),
    flag(['--help_output'], (words) => {
      r.wantsDataFiles = true;
      words.stop();
    }),
    text(['--output_name'], (name, words) => {
      // Ceph looks for one more word here, and lets it be.
      if (!words.hasNext) words.need('expecting additional argument to --output-name');
      r.outputName = `${name}-`;
    }),
    checkedInt(['--num_rep'], (v) => {
      t.numRep = v;
    }),
    checkedInt(['--max_x'], (v) => {
      t.maxX = v;
    }),
    checkedInt(['--min_x'], (v) => {
      t.minX = v;
    }),
    checkedInt(['--x'], (v) => {
      t.minX = v;
      t.maxX = v;
    }),
    long(['--pool_id'], (v, words) => {
      words.check();
      t.poolId = v ?? 0n;
    }),
    checkedInt(['--max_rule'], (v) => {
      t.maxRule = v;
    }),
    checkedInt(['--min_rule'], (v) => {
      t.minRule = v;
    }),
    checkedInt(['--rule'], (v) => {
      t.minRule = v;
      t.maxRule = v;
    }),
    checkedInt(['--ruleset'], (v) => {
      t.ruleset = v;
    }),
    checkedInt(['--batches'], (v) => {
      t.batches = v;
    }),
    ratio('mark_down_ratio', (v) => {
      t.markDownRatio = v;
    }),
    ratio('mark_down_bucket_ratio', (v) => {
      t.markDownBucketRatio = v;
    }),
    int(['--weight'], (device, words) => {
      words.check();
      const word = words.need('expecting additional argument to --weight');
      r.deviceWeights.set(device ?? 0, testWeight(leadingFloat(word)));
    }),
  ];
}
