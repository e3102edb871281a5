import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runTool, type ToolIo } from '../../src/cli/tool-io.ts';
import type { Outcome } from './differential.ts';
import { tempFolder } from './temp-folder.ts';

/** A tool's body, as the command runs it. */
export type ToolBody = (words: readonly string[], io: ToolIo) => number | Promise<number>;

/** Runs a tool's body in this process, with streams of its own. */
export async function runHere(body: ToolBody, words: readonly string[]): Promise<Outcome> {
  const seen = { stdout: '', stderr: '' };
  const io: ToolIo = {
    out: (text) => {
      seen.stdout += typeof text === 'string' ? text : Buffer.from(text).toString();
    },
    err: (text) => {
      seen.stderr += text;
    },
    isOutClosed: false,
    stdin: () => new Uint8Array(0),
    isStdinTerminal: false,
    flush: () => {},
  };
  const code = await runTool(io, () => body(words, io));
  return { code, ...seen };
}

/** What says nothing: ids and times that are drawn anew, log lines, usage texts (ours are in our own words). */
function masked(text: string, dir: string): string {
  return text
    .replaceAll(dir, '<dir>')
    .replace(/(^|\n) ?usage: [\s\S]*$/, '$1<usage>\n')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d{4} [0-9a-f]+ +-?\d+ .*\n\n?/gm, '')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d{4}/g, '<stamp>');
}

function maskedOutcome({ code, stdout, stderr }: Outcome, dir: string): Outcome {
  return { code, stdout: masked(stdout, dir), stderr: masked(stderr, dir) };
}

function wordsOf(line: string, dir: string): string[] {
  const words = line.split(' ').filter((w) => w !== '');
  return words.map((w) => w.replace('@', `${dir}/`));
}

/** The status of what a signal ended, as shells have it for a timeout. */
const ENDED_BY_SIGNAL = 124;

/** The real tool and ours, each in a directory of its own, given the same words. */
export class ToolPair {
  private readonly root = tempFolder('pair');
  private readonly tool: string;
  private readonly body: ToolBody;
  /** Makes files comparable: what differs between two runs without meaning is taken out. */
  private readonly same: (file: Uint8Array) => unknown;

  private readonly env: Readonly<Record<string, string>>;
  /** Whether the real tool may die of a signal where ours goes on. Default: never. */
  crashes: 'never' | 'allowed' = 'never';

  /** @param env what the real tool finds in its environment, beside the path */
  constructor(
    tool: string,
    body: ToolBody,
    same: (file: Uint8Array) => unknown,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.tool = tool;
    this.env = env;
    this.body = body;
    this.same = same;
    for (const dir of [this.real, this.ours]) mkdirSync(dir);
  }

  get real(): string {
    return join(this.root, 'real');
  }
  get ours(): string {
    return join(this.root, 'ours');
  }

  /** Gives both a file. */
  write(name: string, content: string | Uint8Array): void {
    for (const dir of [this.real, this.ours]) writeFileSync(join(dir, name), content);
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  /** Runs the real tool on a line of words, `@name` standing for a file, in its directory or another. */
  runReal(line: string, dir = this.real): Outcome {
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', ...this.env };
    const options = { env, maxBuffer: 256 << 20, timeout: 60_000, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(this.tool, wordsOf(line, dir), options);
    return { code: status ?? ENDED_BY_SIGNAL, stdout, stderr };
  }

  /** Runs ours, in its directory. */
  runOurs(line: string): Promise<Outcome> {
    return runHere(this.body, wordsOf(line, this.ours));
  }

  /** Runs both on one line of words and expects the same output, status and files. */
  async expectSame(line: string, what = line): Promise<void> {
    const real = maskedOutcome(this.runReal(line), this.real);
    const ours = maskedOutcome(await this.runOurs(line), this.ours);
    if (this.crashes === 'allowed' && real.code === ENDED_BY_SIGNAL) {
      // Ours ended well, and what the other has written by then is nothing to compare.
      return this.empty();
    }
    expect(ours, what).toEqual(real);
    expect(this.files(this.ours), `files after ${what}`).toEqual(this.files(this.real));
  }

  private empty(): void {
    for (const dir of [this.real, this.ours]) {
      for (const name of readdirSync(dir)) rmSync(join(dir, name));
    }
  }

  private files(dir: string): Record<string, unknown> {
    const names = readdirSync(dir).sort();
    return Object.fromEntries(names.map((n) => [n, this.same(readFileSync(join(dir, n)))]));
  }
}
