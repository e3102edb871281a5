import { readFileSync } from 'node:fs';
import {
  addSimpleRule,
  BUCKET_ALG_NAMES,
  type BucketAlg,
  buildLayers,
  type CrushMap,
  CrushTextError,
  compileCrushMap,
  emptyCrushMap,
  type Layer,
} from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
import { leadingInteger } from '../ceph-args.ts';
import { strerror, ToolFailure, type ToolIo } from '../tool-io.ts';
import { importJson, importXml } from './documents.ts';
import { ME, readMap } from './files.ts';
import type { Request } from './request.ts';

const ENOENT_STATUS = 254;

/**
 * The map that the rest of the command works on: decoded, compiled or built, or an empty one.
 * @throws ToolFailure
 */
export function inputMap(r: Request, io: ToolIo): { map: CrushMap; isNew: boolean } {
  const decoded = r.infn === '' ? undefined : readMap(r.infn, io);
  if (r.compile !== undefined) return { map: compile(r.compile, r.verbose, io), isNew: true };
  if (r.importJson !== undefined) return { map: importJson(r.importJson, io), isNew: true };
  if (r.importXml !== undefined) return { map: importXml(r.importXml, io), isNew: true };
  if (r.build) return { map: build(r, io), isNew: true };
  return { map: decoded ?? emptyCrushMap(), isNew: false };
}

function compile(path: string, isVerbose: boolean, io: ToolIo): CrushMap {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).syscall === 'read') text = '';
    else throw new ToolFailure(`input file ${path} not found`, ENOENT_STATUS);
  }
  try {
    return compileCrushMap(text, path, isVerbose ? (line) => io.err(`${line}\n`) : undefined);
  } catch (e) {
    if (e instanceof CrushTextError) throw new ToolFailure(e.lines.join('\n'));
    throw e;
  }
}

/** Layers as the words give them: name, algorithm, size; three each. @throws ToolFailure */
export function layerWords(words: readonly string[], io: ToolIo): [string, string, number][] {
  if (words.length % 3 !== 0) {
    io.err(`remaining args: [${words.join(',')}]\n`);
    throw new ToolFailure('layers must be specified with 3-tuples of (name, buckettype, size)');
  }
  const layers: [string, string, number][] = [];
  for (let i = 0; i < words.length; i += 3) {
    layers.push([words[i]!, words[i + 1]!, leadingInteger(words[i + 2]!)]);
  }
  return layers;
}

function build(r: Request, io: ToolIo): CrushMap {
  const words = layerWords(r.left, io);
  if (words.length === 0) throw new ToolFailure(`${ME}: must specify at least one layer`);
  const layers = words.map(([name, algName, size]): Layer => {
    const alg = Object.entries(BUCKET_ALG_NAMES).find(([, known]) => known === algName)?.[0];
    if (alg === undefined) throw new ToolFailure(`unknown bucket type '${algName}'`);
    return { name, alg: Number(alg) as BucketAlg, size };
  });
  try {
    const { map, root, rootCount } = buildLayers(r.deviceCount, layers);
    if (rootCount > 1) {
      io.err(
        `The crush rulesets will use the root ${root}\nand ignore the others.\n` +
          `There are ${rootCount} roots, they can be\n` +
          'grouped into a single root by appending something like:\n  root straw 0\n\n',
      );
    }
    addDefaultRule(map, root, layers[0]!.name, io);
    return map;
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    throw new ToolFailure(` Couldn't add bucket: ${strerror(e.errno)}`, 256 - e.errno);
  }
}

function addDefaultRule(map: CrushMap, root: string, failureDomain: string, io: ToolIo): void {
  try {
    addSimpleRule(map, { name: 'replicated_rule', root, failureDomain });
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    io.err(e.message); // without a newline, as Ceph has it
    throw new ToolFailure('');
  }
}
