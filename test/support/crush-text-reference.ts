import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CrushMap,
  CrushTextError,
  compileCrushMap,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
} from '../../src/crush/index.ts';
import { differences, withoutInnerNodes } from './crush-maps.ts';
import { tempFolder } from './temp-folder.ts';

/** What became of a map as text; `crashed` when crushtool died of a failed assertion, which we need not equal. */
export type TextOutcome = 'compiled' | 'refused' | 'crashed';

/**
 * Holds the text of a map, and what compiling that text gives, against crushtool.
 * @throws Error on the first difference
 */
export function compareText(map: CrushMap): TextOutcome {
  const dir = tempFolder('crush-text');
  const [binary, text, compiled] = ['map', 'text', 'compiled'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const tool = (...args: string[]) => spawnSync('crushtool', args, { encoding: 'utf8' });
  try {
    writeFileSync(binary, encodeCrushMap(map));
    const decompiled = tool('-d', binary).stdout;
    expectEqual(decompileCrushMap(map), decompiled);
    writeFileSync(text, decompiled);
    const { status, stderr } = tool('-c', text, '-o', compiled, '--enable-unsafe-tunables');
    if (status === null) return 'crashed';
    const ours = compileOrRefuse(decompiled, text);
    if (!existsSync(compiled)) {
      expectEqual(typeof ours === 'string' ? ours : 'compiled', stderr.trim());
      return 'refused';
    }
    if (typeof ours === 'string') throw new Error(`we refuse what crushtool compiles: ${ours}`);
    const theirs = withoutInnerNodes(decodeCrushMap(readFileSync(compiled)));
    const parts = differences(withoutInnerNodes(ours), theirs);
    if (parts.length > 0) throw new Error(`compiled differently: ${parts}\n${decompiled}`);
    if (!encodeCrushMap(ours).equals(encodeCrushMap(theirs))) throw new Error('other bytes');
    return 'compiled';
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function compileOrRefuse(text: string, fileName: string): CrushMap | string {
  try {
    return compileCrushMap(text, fileName);
  } catch (e) {
    if (e instanceof CrushTextError) return e.lines.join('\n').trim();
    throw e;
  }
}

/** Names the first line that differs. */
function expectEqual(ours: string, theirs: string): void {
  if (ours === theirs) return;
  const lines = theirs.split('\n');
  const at = ours.split('\n').findIndex((line, i) => line !== lines[i]);
  throw new Error(`line ${at + 1}: ours '${ours.split('\n')[at]}', crushtool's '${lines[at]}'`);
}
