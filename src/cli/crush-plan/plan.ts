import { writeFileSync } from 'node:fs';
import {
  DEFAULT_DEVICE_RATE,
  type Distribution,
  distribution,
  type Movement,
  movement,
  planPicture,
} from '../../balancer/index.ts';
import { table } from '../../codec/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import type { Command, Parsed } from '../usage.ts';
import { mapPair, statsOf } from './inputs.ts';
import {
  bytesText,
  left,
  movementJson,
  movementTable,
  numbers,
  percent,
  printJson,
  progress,
  spreadJson,
  spreadTable,
  timeText,
} from './report.ts';
import {
  DATA_HELP,
  DATA_OPTIONS,
  OUTPUT_HELP,
  OUTPUT_OPTIONS,
  POOL_HELP,
  POOL_OPTIONS,
  ratesOf,
  textOption,
  wantsJson,
} from './words.ts';

export const planCommand: Command = {
  words: 'crush plan OLD NEW',
  about:
    'Tells what moves when a cluster goes from one map to another: OSDMaps (ceph osd getmap -o FILE) or CRUSH maps, ' +
    'binary or text.',
  positionals: ['OLD', 'NEW'],
  options: { ...POOL_OPTIONS, ...DATA_OPTIONS, top: textOption, ...OUTPUT_OPTIONS },
  help: {
    ...POOL_HELP,
    ...DATA_HELP,
    top: 'devices to list, those that receive most first (10)',
    ...OUTPUT_HELP,
  },
};

interface Plan {
  readonly before: OSDMap;
  readonly after: OSDMap;
  readonly moved: Movement;
  readonly spreadBefore: Distribution;
  readonly spreadAfter: Distribution;
  /** Do the bytes mean anything? */
  readonly hasBytes: boolean;
}

export function plan(args: Parsed): number {
  const asJson = wantsJson(args);
  const rates = ratesOf(args);
  const top = args.integer('top', 0, 1 << 22) ?? 10;
  const [oldPath, newPath] = args.positionals as [string, string];
  const { before, after } = mapPair(oldPath, newPath, args);
  const { stats, isKnown } = statsOf(args, before);
  progress('mapping the old map');
  const spreadBefore = distribution(before);
  progress('mapping the new map');
  const spreadAfter = distribution(after);
  progress('comparing');
  const moved = movement(before, after, stats, rates);
  progress('');
  const result = { before, after, moved, spreadBefore, spreadAfter, hasBytes: isKnown };
  const svg = args.string('svg');
  if (svg !== undefined) {
    const texts = { title: `${oldPath} → ${newPath}`, summary: summaryLines(result) };
    writeFileSync(svg, planPicture({ ...result, ...texts }));
  }
  if (asJson) printJson(planJson(result, top));
  else process.stdout.write(planText(result, top, rates));
  return 0;
}

function summaryLines({ moved, hasBytes }: Plan): string[] {
  const { total, movedRatio, overOptimum, recovery } = moved;
  const lines = [
    `${total.shardsMoved} of ${total.shards} shards move (${percent(movedRatio)}), of ${total.pgsMoved} PGs`,
  ];
  if (overOptimum !== undefined) {
    lines.push(`${overOptimum.toFixed(2)} times the least that the weights demand`);
  }
  if (hasBytes) {
    lines.push(
      `${bytesText(total.bytesMoved)} to copy in about ${timeText(recovery.seconds)}, ` +
        `at the very least ${timeText(recovery.leastSeconds)}`,
    );
  }
  for (const [count, what] of [
    [total.lost, 'PGs would have no device left that holds their data'],
    [total.belowMinSize, 'PGs would be below min_size and not serve'],
    [total.undersized, 'PGs would have fewer devices than they should'],
    [total.shardsDegraded, 'shards lose their device before they are copied'],
  ] as const) {
    if (count > 0) lines.push(`WARNING: ${count} ${what}`);
  }
  return lines;
}

function planText(p: Plan, top: number, rates: ReturnType<typeof ratesOf>): string {
  const { moved, spreadBefore, spreadAfter, hasBytes } = p;
  const parts = [
    `${summaryLines(p).join('\n')}\n`,
    movementTable(moved),
    spreadTable([
      ['old', spreadBefore.summary],
      ['new', spreadAfter.summary],
    ]),
  ];
  const devices = busiest(moved, top);
  if (devices.length > 0) parts.push(deviceTable(p, devices));
  if (hasBytes) {
    const { readBytesPerSecond, writeBytesPerSecond, maxBackfills } = rates;
    parts.push(
      `time: devices read ${bytesText(readBytesPerSecond ?? DEFAULT_DEVICE_RATE)}/s and write ` +
        `${bytesText(writeBytesPerSecond ?? DEFAULT_DEVICE_RATE)}/s for recovery, osd_max_backfills ` +
        `${maxBackfills ?? 1}\n`,
    );
  } else {
    parts.push('no sizes known: give --pg-dump or --bytes for bytes and time\n');
  }
  return parts.join('\n');
}

/** Devices that receive or give, most first. */
function busiest({ devices }: Movement, top: number): number[] {
  const { bytesIn, shardsIn, shardsOut } = devices;
  const weight = (osd: number): [number, number, number] => [
    bytesIn[osd]!,
    shardsIn[osd]!,
    shardsOut[osd]!,
  ];
  return [...shardsIn.keys()]
    .filter((osd) => shardsIn[osd]! + shardsOut[osd]! > 0)
    .sort((a, b) => {
      const [x, y] = [weight(a), weight(b)];
      return y[0] - x[0] || y[1] - x[1] || y[2] - x[2] || a - b;
    })
    .slice(0, top);
}

function deviceTable({ moved, spreadBefore, spreadAfter }: Plan, devices: number[]): string {
  const columns = [
    left('DEVICE'),
    ...numbers('SHARDS-IN OUT OLD NEW OLD-TARGET NEW-TARGET BYTES-IN OUT OLD NEW'),
  ];
  const at = (list: Float64Array, osd: number): number => list[osd] ?? 0;
  const { bytesIn, bytesOut, bytesBefore, bytesAfter, shardsIn, shardsOut } = moved.devices;
  return table(
    columns,
    devices.map((osd) => [
      `osd.${osd}`,
      `${shardsIn[osd]}`,
      `${shardsOut[osd]}`,
      `${at(spreadBefore.actual, osd)}`,
      `${at(spreadAfter.actual, osd)}`,
      at(spreadBefore.targets, osd).toFixed(1),
      at(spreadAfter.targets, osd).toFixed(1),
      bytesText(bytesIn[osd]!),
      bytesText(bytesOut[osd]!),
      bytesText(bytesBefore[osd]!),
      bytesText(bytesAfter[osd]!),
    ]),
  );
}

function planJson({ before, after, moved, spreadBefore, spreadAfter }: Plan, top: number): unknown {
  const { devices } = moved;
  return {
    old_epoch: before.epoch,
    new_epoch: after.epoch,
    ...movementJson(moved),
    spread: { old: spreadJson(spreadBefore.summary), new: spreadJson(spreadAfter.summary) },
    devices: busiest(moved, top).map((osd) => ({
      osd,
      shards_in: devices.shardsIn[osd],
      shards_out: devices.shardsOut[osd],
      bytes_in: devices.bytesIn[osd],
      bytes_out: devices.bytesOut[osd],
      bytes_old: devices.bytesBefore[osd],
      bytes_new: devices.bytesAfter[osd],
      target_old: spreadBefore.targets[osd] ?? 0,
      target_new: spreadAfter.targets[osd] ?? 0,
    })),
  };
}
