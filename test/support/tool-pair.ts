import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runTool, type ToolIo } from '../../src/cli/tool-io.ts';
import type { Outcome } from './differential.ts';

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

/** The real tool and ours, each in a directory of its own, given the same words. */
export class ToolPair {
  private readonly root = mkdtempSync(join(tmpdir(), 'sepiola-pair-'));
  private readonly tool: string;
  private readonly body: ToolBody;
  /** Makes files comparable: what differs between two runs without meaning is taken out. */
  private readonly same: (file: Uint8Array) => unknown;

  private readonly env: Readonly<Record<string, string>>;

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

  /**
   * Runs both on one line of words, `@name` standing for a file, and expects the same output, status and files.
   * @returns the output of ours
   */
  async expectSame(
    line: string,
    words = line.split(' ').filter((w) => w !== ''),
  ): Promise<Outcome> {
    const at = (dir: string): string[] => words.map((w) => w.replace('@', `${dir}/`));
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', ...this.env };
    const run = spawnSync(this.tool, at(this.real), { env, maxBuffer: 256 << 20, timeout: 60_000 });
    const ours = await runHere(this.body, at(this.ours));
    expect(
      { code: ours.code, out: masked(ours.stdout, this.ours), err: masked(ours.stderr, this.ours) },
      line,
    ).toEqual({
      code: run.status,
      out: masked(run.stdout.toString(), this.real),
      err: masked(run.stderr.toString(), this.real),
    });
    expect(this.files(this.ours), `files after ${line}`).toEqual(this.files(this.real));
    return ours;
  }

  private files(dir: string): Record<string, unknown> {
    const names = readdirSync(dir).sort();
    return Object.fromEntries(names.map((n) => [n, this.same(readFileSync(join(dir, n)))]));
  }
}
