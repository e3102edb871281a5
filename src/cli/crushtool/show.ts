import { type Column, table, weightText } from '../../codec/index.ts';
import {
  CHOOSE_ARGS_DEFAULT,
  type CrushMap,
  type CrushTestOptions,
  type CrushTestSink,
  CrushTextError,
  compareCrushMaps,
  crushTree,
  decompileCrushMap,
  devicesBelow,
  fullLocation,
  itemByName,
  nameProblem,
  overlappedRules,
  testCrushMap,
  weightNumber,
} from '../../crush/index.ts';
import { ToolFailure, type ToolIo, writeWhole } from '../tool-io.ts';
import { exportDocuments } from './documents.ts';
import { dumpText } from './dump.ts';
import { ME, readMapFile } from './files.ts';
import type { Request } from './request.ts';

/** The stage that shows and tests the map, in the fixed order of Ceph's tool. @throws ToolFailure */
export function showMap(map: CrushMap, r: Request, io: ToolIo): void {
  if (r.showLocation >= 0) io.out(locationText(map, r.showLocation));
  if (r.tree) io.out(treeText(map));
  if (r.bucketTree) bucketTree(map, r.bucketName, io);
  if (r.dump) io.out(dumpText(map, r.format));
  exportDocuments(map, r, io);
  if (r.decompile) decompile(map, r.outfn, io);
  if (r.check) check(map, r.checkIdLimit, io);
  const sink = testSink(io);
  if (r.test) testCrushMap(map, testOptionsOf(r), sink);
  if (r.compare === '') return;
  if (!compareCrushMaps(map, readMapFile(r.compare), testOptionsOf(r), sink)) {
    throw new ToolFailure('');
  }
}

function locationText(map: CrushMap, device: number): string {
  if (!map.itemNames.has(device)) return '';
  // Of two buckets of one type the lower counts; the order is that of the types' names.
  const byType = new Map(fullLocation(map, device));
  return [...byType]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, name]) => `${type}\t${name}\n`)
    .join('');
}

const PLACE: readonly Column[] = [
  ['ID', 'l', 'r'],
  ['CLASS', 'l', 'r'],
  ['WEIGHT', 'l', 'r'],
];
const NAME: Column = ['TYPE NAME', 'l', 'l'];

/** The trees and their shadows as a table, with a column of weights per weight set. */
function treeText(map: CrushMap): string {
  const keys = [...map.chooseArgs.keys()].sort((a, b) => a - b);
  const columns = keys.map((key): Column => {
    return [key === CHOOSE_ARGS_DEFAULT ? '(compat)' : String(key), 'l', 'r'];
  });
  const parents: number[] = [];
  const rows = crushTree(map, { shadow: true }).map((node) => {
    const parent = node.depth > 0 ? parents[node.depth - 1] : undefined;
    parents[node.depth] = node.id;
    const name = node.id < 0 ? `${node.type} ${node.name}` : node.name;
    return [
      String(node.id),
      node.deviceClass ?? '',
      weightText(node.crushWeight),
      ...keys.map((key) => (parent === undefined ? '' : weightInSet(map, key, parent, node.id))),
      '    '.repeat(node.depth) + name,
    ];
  });
  return table([...PLACE, ...columns, NAME], rows);
}

function weightInSet(map: CrushMap, key: number, parent: number, id: number): string {
  const first = map.chooseArgs.get(key)?.get(parent)?.weightSets[0];
  if (!first) return '';
  return weightText(weightNumber(first[map.buckets.get(parent)!.items.indexOf(id)] ?? 0));
}

function bucketTree(map: CrushMap, name: string, io: ToolIo): void {
  if (name === '') return io.err(': error bucket_name is empty\n');
  const item = itemByName(map, name);
  if (item === undefined) return;
  for (const device of devicesBelow(map, item)) io.out(`osd.${device}\n`);
}

function decompile(map: CrushMap, outfn: string, io: ToolIo): void {
  let text: string;
  let complaint = '';
  try {
    text = decompileCrushMap(map);
  } catch (e) {
    if (!(e instanceof CrushTextError)) throw e;
    text = e.partial;
    complaint = e.lines.map((line) => `${line}\n`).join('');
  }
  if (outfn === '') io.out(text);
  else {
    try {
      writeWhole(outfn, text);
    } catch {
      throw new ToolFailure(`${ME}: error writing '${outfn}'`);
    }
  }
  io.err(complaint);
}

function check(map: CrushMap, idLimit: number, io: ToolIo): void {
  for (const line of overlappedRules(map)) io.out(`${line}\n`);
  if (idLimit < 0) return;
  const problem = nameProblem(map, idLimit);
  if (problem === undefined) return;
  io.out(`${problem}\n`);
  throw new ToolFailure('');
}

function testOptionsOf({ testOptions, outputCsv, outputName }: Request): CrushTestOptions {
  return outputCsv ? { ...testOptions, dataFilePrefix: outputName } : testOptions;
}

function testSink(io: ToolIo): CrushTestSink {
  return {
    out: (text) => io.out(text),
    err: (text) => io.err(text),
    file(name, text) {
      try {
        writeWhole(name, text);
      } catch {
        // Ceph does not look whether its data files could be opened; saying so is better than silence.
        io.err(`${ME}: error writing '${name}'\n`);
      }
    },
    get isClosed() {
      return io.isOutClosed;
    },
  };
}
