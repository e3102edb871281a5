import { afterAll, describe, expect, it } from 'vitest';
import { runMonmaptool } from '../../src/cli/monmaptool/index.ts';
import { decodeAll, encodeToBytes } from '../../src/codec/index.ts';
import { MonMap } from '../../src/maps/index.ts';
import { toolsMissing } from '../support/interop.ts';
import { ToolPair } from '../support/tool-pair.ts';

/** A map without its id and times, after its bytes were found to be what our encoder makes of them. */
function sameFile(bytes: Uint8Array): unknown {
  let map: MonMap;
  try {
    map = decodeAll(MonMap, bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
  expect(encodeToBytes(MonMap, map).equals(bytes)).toBe(true);
  const { fsid: _fsid, created: _created, lastChanged: _lastChanged, ...rest } = map;
  return rest;
}

const skip = toolsMissing('monmaptool');
const UUID = '11111111-2222-3333-4444-555555555555';
const CONF = `[global]
fsid = ${UUID}
mon initial members = a, b
mon host = 1.2.3.4,1.2.3.5:7777,[v2:1.2.3.6:3300,v1:1.2.3.6:6789]
`;
const SECTIONS = `[mon.z]
mon addr = 7.7.7.7
[mon.y]
mon addr = 7.7.7.8:99
`;

const SCRIPTS: Record<string, string[]> = {
  'make and show': [
    '--create @m',
    '@m',
    '--print @m',
    '-p @m',
    '--create @m',
    `--create --clobber --fsid ${UUID} @m --print`,
    `--fsid ${UUID} @m`,
    '--fsid bogus --create --clobber @m',
    '--fsid 00000000-0000-0000-0000-000000000000 --create --clobber @m',
    '--create --clobber @m --mon-election-default-strategy 3 --print',
    '--create --clobber @m --add a 1.2.3.4 --enable-all-features --print',
    '--set-min-mon-release nautilus @m --print',
    '--set-min-mon-release pacific @m',
    '--set-min-mon-release quincy @m',
    '--set-min-mon-release 14 @m',
    '--create --clobber --set-min-mon-release octopus @m --print',
  ],
  'add and remove': [
    '--create @m --add a 1.2.3.4:99 --add b 1.2.3.5 --addv c [v2:1.1.1.1:1,v1:1.1.1.1:2] --add d [::1]:6789 --add e 1.2.3.9:3300 --print',
    '@m --add f v1:1.2.3.6:9 --add g v2:1.2.3.7:8/3 --add h any:1.2.3.8:8 --add i 1.2.3.10:6789/7 --print',
    '@m --addv j 1.2.3.11:6789 --addv k 1.2.3.12:3300 --addv l 1.2.3.13 --print',
    '@m --add a 9.9.9.9',
    '@m --add z 1.2.3.4:99',
    '@m --addv z v2:1.2.3.4:99',
    '@m --addv z [v2:9.9.9.9:1,v1:1.1.1.1:2]',
    '@m --add y 1.2.3.x',
    '--add y @m',
    '@m --add y',
    '@m --addv q [v2:1.2.3.4:1',
    '@m --addv q foo',
    '@m --rm nope',
    '--rm @m',
    '@m --rm a --rm b --print',
    '@m --rm c --add c 5.5.5.5 --print',
    '@m --enable-all-features --add n 1.0.0.1 --add m 1.0.0.2 --print',
    '@m --rm n --rm e --print',
    '@m --add v1 v1:2.0.0.1 --add v2 v2:2.0.0.2 --add both 2.0.0.3 --add any any:2.0.0.4 --add six [fe80::1] --print',
  ],
  features: [
    '--create @m --add a 10.10.10.10:1234',
    '--feature-list --feature-list plain --feature-list parseable @m',
    '--feature-list bogus @m',
    '--feature-list',
    '--feature-set foo @m',
    '@m --feature-set 99999999999999999999',
    '@m --feature-unset',
    '--feature-set kraken --feature-set 64 --optional --feature-set 32 --persistent @m',
    '--feature-list @m',
    '--feature-unset 32 --optional --feature-list @m',
    '--feature-unset 32 --persistent --feature-unset 64 --optional --feature-list @m',
    '--feature-unset kraken --feature-list @m',
    '--feature-set 0 --feature-set -1 --feature-list @m',
    '--optional @m',
    '@m --persistent',
  ],
  'from a configuration': [
    '--generate -c @conf --create @m --print',
    '-c @conf --generate --set-initial-members --create --clobber @m --print',
    '-c @conf --set-initial-members @m --add a2 1.1.1.1 --print',
    '--generate -m 5.5.5.5 --create --clobber @m --print',
    '--generate @m',
    '-c @sections --generate --create --clobber @m --print',
    '--generate -m localhost --create --clobber @m --print',
    '--generate --mon_host 1.2.3.4,[::1]:77,v1:4.4.4.4:5/0,6.6.6.6:6789,v2:6.6.6.7,v1:6.6.6.8 --create --clobber @m --print',
    '--set-initial-members @m --print',
  ],
  'refuse bad words and files': [
    '',
    '-h',
    '--create -h',
    '@nosuch',
    '--print @nosuch',
    '@a @b',
    '--foo @nosuch',
    '--print',
    '--print @bad',
    '--print @empty',
    '--print .',
    '--create --clobber @nosuch/x',
    '--create @bad',
    '--create --clobber @bad',
  ],
};

describe.skipIf(skip !== undefined)('monmaptool', () => {
  const pairs: ToolPair[] = [];
  afterAll(() => {
    for (const pair of pairs) pair.remove();
  });

  it.each(Object.entries(SCRIPTS))('%s', async (_name, lines) => {
    const both = new ToolPair('monmaptool', runMonmaptool, sameFile);
    pairs.push(both);
    both.write('conf', CONF);
    both.write('sections', SECTIONS);
    both.write('bad', Buffer.alloc(20, 7));
    both.write('empty', '');
    for (const line of lines) await both.expectSame(line);
  });
});
