import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';

const PYTHON = '/usr/bin/python3';

/** Why there can be no session here; undefined when there can. */
export function sessionMissing(): string | undefined {
  const found = spawnSync(PYTHON, ['-c', 'import rados, ceph_argparse'], { stdio: 'ignore' });
  return found.status === 0 ? undefined : 'not installed: python3-rados, python3-ceph-argparse';
}

/** What a monitor answered; `refused` when its own table of commands does not take the words. */
export interface Answer {
  readonly code: number | 'refused';
  readonly status?: string;
  readonly output: Buffer;
}

/** One connection to a monitor, Sepiola's or Ceph's, through librados; words are checked as the `ceph` program does. */
export class MonSession {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(conf: string) {
    const script = join(import.meta.dirname, '../interop/mon-session.py');
    this.#child = spawn(PYTHON, [script, conf], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    expect((await this.#lines.next()).value).toBe('ready');
  }

  async run(words: readonly string[], input?: Uint8Array): Promise<Answer> {
    const step = { words, ...(input && { input: Buffer.from(input).toString('base64') }) };
    this.#child.stdin!.write(`${JSON.stringify(step)}\n`);
    const { value } = await this.#lines.next();
    const { output, command: _, ...answer } = JSON.parse(value as string);
    return { ...answer, output: Buffer.from(output ?? '', 'base64') };
  }

  close(): void {
    this.#child.stdin!.end();
  }
}

/** What two monitors have to agree on. */
export const shown = ({ code, status, output }: Answer) => ({
  code,
  status,
  output: output.toString(),
});
