import { general } from '../../codec/index.ts';
import type { CrushTestSink } from './options.ts';

/** What a test of one rule and size counted. Weights and expectations are single precision. */
export interface TestCounts {
  weights: Uint32Array;
  proportions: Float32Array;
  expected: Float32Array;
  stored: Uint32Array;
  /** Devices' counts per round; undefined for a round without inputs. */
  batches: (Uint32Array | undefined)[];
}

/**
 * Writes the files of `--output-csv`. The file of the rounds' expectations holds what they stored, and the headings of
 * both count only the devices that stored something: so does Ceph's. Source: crush/CrushTester.h, release 16.2.
 * @param prefix begins every name
 * @param placements the lines of the placement file
 * @param columns devices that its heading names; a size given, else none
 */
export function writeDataFiles(
  sink: CrushTestSink,
  prefix: string,
  counts: TestCounts,
  placements: readonly string[],
  columns: number,
): void {
  const { weights, proportions, expected, stored, batches } = counts;
  const rows = (line: (device: number) => string | undefined): string => {
    let text = '';
    for (let device = 0; device < weights.length; device++) {
      const value = line(device);
      if (value !== undefined) text += `${device},${value}\n`;
    }
    return text;
  };
  const write = (name: string, heading: string, body: string): void =>
    sink.file(`${prefix}-${name}.csv`, `${heading}\n${body}`);

  const isUsed = (i: number): boolean => expected[i]! > 0 && stored[i]! > 0;
  const utilization = (i: number): string =>
    `${general(Math.fround(stored[i]!))},${general(expected[i]!)}`;
  const used = 'Device ID, Number of Objects Stored, Number of Objects Expected';
  write(
    'device_utilization',
    used,
    rows((i) => (isUsed(i) ? utilization(i) : undefined)),
  );
  write('device_utilization_all', used, rows(utilization));
  write('placement_information', numbered('Input', ', OSD', columns), placements.join(''));
  const proportion = (i: number): string => general(proportions[i]!);
  write(
    'proportional_weights',
    'Device ID, Proportional Weight',
    rows((i) => (proportions[i]! > 0 ? proportion(i) : undefined)),
  );
  write('proportional_weights_all', 'Device ID, Proportional Weight', rows(proportion));
  write(
    'absolute_weights',
    'Device ID, Absolute Weight',
    rows((i) => general(Math.fround(Math.fround(weights[i]!) / 0x10000))),
  );
  if (batches.length < 2) return;
  const usedCount = weights.reduce((count, _, i) => count + (isUsed(i) ? 1 : 0), 0);
  const body = batches.map((batch, i) => `${[i, ...(batch ?? [])].join(',')}\n`).join('');
  for (const [name, verb] of [
    ['batch_device_utilization_all', 'Stored'],
    ['batch_device_expected_utilization_all', 'Expected'],
  ] as const) {
    write(name, numbered('Batch Round', `, Objects ${verb} on OSD`, usedCount), body);
  }
}

function numbered(first: string, word: string, count: number): string {
  let text = first;
  for (let i = 0; i < count; i++) text += `${word}${i}`;
  return text;
}
