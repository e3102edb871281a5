import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../temp-folder.ts';
import type { Dice } from './dice.ts';
import type { Run } from './run.ts';

const OBJECTS = 20;

/** Debian's `rados` puts, gets and removes objects; what it gets is compared. */
export class ToolLoad {
  private readonly run: Run;
  private readonly dice: Dice;
  private readonly folder = tempFolder('thrash');
  private readonly contents = new Map<string, Buffer>();

  constructor(run: Run, dice: Dice) {
    this.run = run;
    this.dice = dice;
  }

  async work(): Promise<void> {
    while (!this.run.isOver) await this.step();
  }

  private async step(): Promise<void> {
    const { below, bytes } = this.dice;
    const name = `tool.${below(OBJECTS)}`;
    const file = join(this.folder, 'put');
    const known = this.contents.get(name);
    if (known && below(2) === 0) return this.get(name, known);
    if (known && below(5) === 0) {
      if (await this.rados('rm', name)) this.contents.delete(name);
      return;
    }
    const data = bytes(below(200_000));
    writeFileSync(file, data);
    if (await this.rados('put', name, file)) this.contents.set(name, data);
  }

  private async get(name: string, wanted: Buffer): Promise<void> {
    const file = join(this.folder, 'got');
    if (!(await this.rados('get', name, file))) return;
    if (!readFileSync(file).equals(wanted)) this.run.fail(`rados get ${name} gives other bytes`);
  }

  private async rados(...words: string[]): Promise<boolean> {
    const { code, stderr } = await this.run.tool('rados', '-p', 'thrash-tool', ...words);
    this.run.count(`rados ${words[0]}`);
    if (code === 0) return true;
    this.run.fail(`rados ${words.slice(0, 2).join(' ')}: ${code} ${stderr.trim()}`);
    return false;
  }

  /** All objects, and the list of them. */
  async verify(): Promise<void> {
    for (const [name, data] of this.contents) await this.get(name, data);
    const { stdout } = await this.run.tool('rados', '-p', 'thrash-tool', 'ls');
    const listed = stdout.split('\n').filter(Boolean).sort().join(' ');
    const wanted = [...this.contents.keys()].sort().join(' ');
    if (listed !== wanted) this.run.fail(`rados ls: ${listed}; should be ${wanted}`);
  }

  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
