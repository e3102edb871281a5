import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runTool, systemErrno, ToolFailure, type ToolIo, writeWhole } from '../src/cli/tool-io.ts';
import { tempFolder } from './support/temp-folder.ts';

let dir: string;
beforeEach(() => {
  dir = tempFolder('io');
});
afterEach(() => rmSync(dir, { recursive: true }));

function failureOf(write: () => void): number {
  try {
    write();
  } catch (e) {
    return systemErrno(e);
  }
  return 0;
}

describe('writing a file whole', () => {
  it('replaces a file, keeping its mode, and leaves nothing beside it', () => {
    const file = join(dir, 'map');
    writeWhole(file, 'one');
    chmodSync(file, 0o600);
    const { ino } = statSync(file);
    writeWhole(file, new Uint8Array([0x74, 0x77, 0x6f]));
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).ino).not.toBe(ino);
    expect(readdirSync(dir)).toEqual(['map']);
  });

  it('follows a link to the file it stands for', () => {
    writeFileSync(join(dir, 'map'), 'one');
    symlinkSync('map', join(dir, 'link'));
    writeWhole(join(dir, 'link'), 'two');
    expect(readFileSync(join(dir, 'map'), 'utf8')).toBe('two');
    expect(lstatSync(join(dir, 'link')).isSymbolicLink()).toBe(true);
  });

  it('writes into a device, and says when that is full', () => {
    writeWhole('/dev/null', 'gone');
    expect(failureOf(() => writeWhole('/dev/full', 'too much'))).toBe(28);
  });

  it('keeps the old file when the new one cannot be put in its place', () => {
    mkdirSync(join(dir, 'sub'));
    expect(failureOf(() => writeWhole(join(dir, 'sub'), 'x'))).toBe(21);
    expect(failureOf(() => writeWhole(join(dir, 'none', 'x'), 'x'))).toBe(2);
    expect(readdirSync(dir)).toEqual(['sub']);
  });
});

describe('running a tool', () => {
  const run = async (body: () => number) => {
    let err = '';
    let isFlushed = false;
    const io = {
      err: (text: string) => (err += text),
      flush: () => {
        isFlushed = true;
      },
    } as unknown as ToolIo;
    const code = await runTool(io, body).catch((e: Error) => e.message);
    return { code, err, isFlushed };
  };

  it('gives the status, or that of the failure with its message', async () => {
    expect(await run(() => 3)).toEqual({ code: 3, err: '', isFlushed: true });
    const fail = (message: string, status?: number) => () => {
      throw new ToolFailure(message, status);
    };
    expect(await run(fail('no'))).toEqual({ code: 1, err: 'no\n', isFlushed: true });
    expect(await run(fail('', 22))).toEqual({ code: 22, err: '', isFlushed: true });
  });

  it('passes on what is no failure of the tool', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    expect(await run(broken)).toEqual({ code: 'broken', err: '', isFlushed: true });
  });
});
