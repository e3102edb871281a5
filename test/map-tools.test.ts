import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseAddr, parseAddrVec } from '../src/cli/monmaptool/addresses.ts';
import { runMonmaptool } from '../src/cli/monmaptool/index.ts';
import { runOsdmaptool } from '../src/cli/osdmaptool/index.ts';
import { ToolFailure } from '../src/cli/tool-io.ts';
import { OSDMap } from '../src/maps/index.ts';
import { ADDR, formatAddrVec } from '../src/wire/index.ts';
import type { Outcome } from './support/differential.ts';
import { tempFolder } from './support/temp-folder.ts';
import { runHere } from './support/tool-pair.ts';

// What the map tools do where the real ones cannot be asked: they crash, never end, or draw lots. The rest is held
// against them in test/interop.

let dir = '';
beforeEach(() => {
  dir = tempFolder('map-tools');
});
afterEach(() => rmSync(dir, { recursive: true }));

const words = (line: string): string[] => line.split(' ').map((w) => w.replace('@', `${dir}/`));
const osdmaptool = (line: string): Promise<Outcome> => runHere(runOsdmaptool, words(line));
const monmaptool = (line: string): Promise<Outcome> => runHere(runMonmaptool, words(line));
const map = (name: string): OSDMap => OSDMap.decode(readFileSync(join(dir, name)));

it('a number that is none is refused', async () => {
  await osdmaptool('--createsimple 3 @om');
  for (const line of [
    '@om --mark-out abc',
    '@om --mark-up x1',
    '@om --mark-in -',
    '@om --adjust-crush-weight osd.0:3',
    '@om --adjust-crush-weight 0:heavy',
  ]) {
    const { code, stdout, stderr } = await osdmaptool(line);
    expect({ line, code, stdout }).toEqual({ line, code: 1, stdout: '' });
    expect(stderr).toMatch(/^osdmaptool: --(mark-\w+|adjust-crush-weight): /m);
  }
});

it('what is no crush map is not imported', async () => {
  await osdmaptool('--createsimple 3 @om');
  const before = readFileSync(join(dir, 'om'));
  writeFileSync(join(dir, 'junk'), Buffer.alloc(40, 255));
  const { code, stderr } = await osdmaptool('@om --import-crush @junk');
  expect(code).toBe(1);
  expect(stderr).toMatch(/junk is not a crush map: /);
  expect(readFileSync(join(dir, 'om')).equals(before)).toBe(true);
});

it('--mark-in marks the OSD that it names', async () => {
  await osdmaptool('--createsimple 3 @om --with-default-pool');
  const { stdout } = await osdmaptool('@om --mark-up 2 --mark-in 2 --print');
  expect(stdout).toContain('marking OSD@2 as up\nmarking OSD@2 as in\n');
  expect(stdout).toMatch(/^osd\.2 up {3}in {2}weight 1 /m);
});

it('placing at random changes no total', async () => {
  await osdmaptool('--createsimple 9 @om --with-default-pool');
  const { stdout } = await osdmaptool('@om --mark-up-in --test-random --test-map-pgs');
  expect(stdout).toMatch(/^pool 1 pg_num 576$/m);
  expect(stdout).toMatch(/^size 3\t576$/m);
  const counts = [...stdout.matchAll(/^osd\.\d+\t(\d+)/gm)].map((m) => Number(m[1]));
  expect(counts.reduce((a, b) => a + b)).toBe(3 * 576);
});

it('a write that fails leaves the map as it was, one that works leaves nothing else', async () => {
  await osdmaptool('--createsimple 3 @om');
  await osdmaptool('@om --adjust-crush-weight 0:2 --save');
  expect(map('om').epoch).toBe(3);
  expect((await monmaptool('--create @mm')).code).toBe(0);
  const failed = await osdmaptool('--createsimple 3 @no/om');
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("error writing to '");
  expect(readdirSync(dir).sort()).toEqual(['mm', 'om']);
});

it('--test-crush goes on until nobody listens', async () => {
  await osdmaptool('--createsimple 3 @om --with-default-pool --pg_bits 1');
  let text = '';
  const io = {
    out: (more: string | Uint8Array) => {
      text += more;
    },
    err: () => {},
    get isOutClosed() {
      return text.length > 100_000;
    },
    stdin: () => new Uint8Array(0),
    isStdinTerminal: false,
    flush: () => {},
  };
  const stopped = new ToolFailure('', 141);
  expect(() => runOsdmaptool([join(dir, 'om'), '--test-crush'], io)).toThrow(stopped);
  expect(text).toMatch(/^pass 1\n1\.0 attempt 0\n1\.0 attempt 1\n/);
  expect(text).toContain('\n1.5 attempt 99\npass 2\n1.0 attempt 0\n');
});

it('a directory of epochs is decoded one by one', async () => {
  await osdmaptool('--createsimple 3 @1');
  await osdmaptool('--createsimple 4 @2');
  const { code, stdout } = await osdmaptool(`${dir} --range-first 1 --range-last 2`);
  const sizes = ['1', '2'].map((name) => readFileSync(join(dir, name)).length);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${dir}/1 got ${sizes[0]} bytes\n${dir}/2 got ${sizes[1]} bytes\n`,
  });
  writeFileSync(join(dir, '3'), 'junk');
  expect(await osdmaptool(`${dir} --range-first 3 --range-last 4`)).toEqual({
    code: 255,
    stdout: `${dir}/3 got 4 bytes\n`,
    stderr: `osdmaptool: error decoding osdmap '${dir}/3'\n`,
  });
});

it('what cannot be placed makes no map', async () => {
  writeFileSync(join(dir, 'conf'), '[osd.7]\nhost = a b\n');
  for (const line of [
    '-c @conf --create-from-conf @om',
    '--createsimple 3 @om --osd_crush_chooseleaf_type 77',
  ]) {
    const { code, stderr } = await osdmaptool(line);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^osdmaptool: cannot make the map: /m);
  }
  expect(existsSync(join(dir, 'om'))).toBe(false);
});

it('a configuration that cannot be read is told', async () => {
  writeFileSync(join(dir, 'bad'), 'foo bar\n');
  const bad = await osdmaptool('-c @bad --createsimple 3 @om');
  expect(bad).toMatchObject({ code: 1, stdout: '' });
  expect(bad.stderr).toMatch(/^global_init: error reading config file\. line 1: /);
  const missing = await osdmaptool('-c @missing --createsimple 3 @om');
  expect(missing.code).toBe(0);
  expect(missing.stderr).toContain(`can't open ${dir}/missing: (2) No such file or directory\n`);
  writeFileSync(join(dir, 'far'), '[osd.20000]\nhost = a\n');
  const far = await osdmaptool('-c @far --create-from-conf @far-map');
  expect(far.code).toBe(1);
  expect(far.stderr).toContain('[osd.20000] in config has id > mon_max_osd 10000\n');
  expect(existsSync(join(dir, 'far-map'))).toBe(false);
});

it('both tell their version', async () => {
  const version = /^ceph version 16\.2\.\d+ \(sepiola\) pacific \(stable\)\n$/;
  expect(await osdmaptool('--version')).toMatchObject({ code: 0, stderr: '' });
  expect((await osdmaptool('-v')).stdout).toMatch(version);
  expect((await monmaptool('--create -v')).stdout).toMatch(version);
});

it('monmaptool --add without words says how to go on', async () => {
  await monmaptool('--create @mm');
  expect(await monmaptool('@mm --add')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'monmaptool -h for usage\n',
  });
  const nobody = await monmaptool('--generate --create --clobber @mm');
  expect(nobody).toMatchObject({ code: 254, stderr: 'no monitors specified to connect to.\n' });
});

it.each([
  ['1.2.3.4', 'v2:1.2.3.4:0/0'],
  ['v1:1.2.3.4:5/6', 'v1:1.2.3.4:5/6'],
  ['any:1.2.3.4:5', '1.2.3.4:5/0'],
  ['[::1]:77', 'v2:[::1]:77/0'],
  ['::1', 'v2:[::1]:0/0'],
  ['fe80::1:99', 'v2:[fe80::1:99]:0/0'],
])('%s is an address', (text, printed) => {
  expect(formatAddrVec([parseAddr(text)!])).toBe(printed);
});

it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.4:x', '[1.2.3.4]:5', '[::1', 'host', 'v3:1.2.3.4'])(
  "'%s' is no address",
  (text) => {
    expect(parseAddr(text)).toBeUndefined();
  },
);

it('an address list stands in brackets', () => {
  const both = parseAddrVec('[v2:1.2.3.4:5,v1:1.2.3.4:6]')!;
  expect(both.map(({ type, port }) => [type, port])).toEqual([
    [ADDR.msgr2, 5],
    [ADDR.legacy, 6],
  ]);
  expect(parseAddrVec('v2:1.2.3.4:5,v1:1.2.3.4:6')).toBeUndefined();
  expect(parseAddrVec('[v2:1.2.3.4:5,v1:x]')).toBeUndefined();
});
