import { describe, expect, it } from 'vitest';
import {
  type ConfigSetting,
  canonical,
  compareSettings,
  OPTIONS,
  optionName,
  parseOption,
  parseTarget,
  resolveConfig,
} from '../src/config/index.ts';

/** Canonical text of a value, or the error, as `ceph config set` and `get` show them on release 16.2.15. */
function read(name: string, text: string): string {
  const option = OPTIONS.get(name)!;
  const parsed = parseOption(option, text);
  return 'error' in parsed ? `! ${parsed.error}` : canonical(option, parsed.ok);
}

describe('values of options', () => {
  it.each([
    ['osd_heartbeat_grace', '2K', '2000'],
    ['osd_heartbeat_grace', '2.5', '! strict_si_cast: unit prefix not recognized'],
    ['osd_heartbeat_grace', '', '! strict_sistrtoll: value not specified'],
    [
      'osd_heartbeat_grace',
      '99999999999999999999',
      "! The option value '99999999999999999999' seems to be invalid",
    ],
    ['osd_max_backfills', '-3', '! strict_sistrtoll: value should not be negative'],
    ['osd_memory_target', '4G', '4294967296'],
    ['osd_memory_target', '4Gi', '4294967296'],
    ['osd_memory_target', '4GB', '4294967296'],
    ['osd_memory_target', '4x', '! strict_iecstrtoll: unit prefix not recognized'],
    ['osd_memory_target', '-1', '! strict_iecstrtoll: value should not be negative'],
    ['osd_memory_target', '4Gib', '! strict_iecstrtoll: illegal prefix (length > 2)'],
    ['osd_scrub_min_interval', '1d', "! strict_strtod: garbage at end of string. got: '1d'"],
    ['osd_scrub_min_interval', '86400', '86400.000000'],
    ['mon_osd_full_ratio', 'x', "! strict_strtod: expected double, got: 'x'"],
    ['mon_allow_pool_delete', 'TRUE', 'true'],
    ['mon_allow_pool_delete', '2', 'true'],
    ['mon_allow_pool_delete', 'on', "! Expected option value to be integer, got 'on'"],
    [
      'osd_pool_default_pg_autoscale_mode',
      'foo',
      "! 'foo' is not one of the permitted values: off, warn, on",
    ],
    ['rados_osd_op_timeout', '1 hour 5 min', '3900'],
    ['rados_osd_op_timeout', '10x', "! unrecogized unit 'x'"],
    ['rados_osd_op_timeout', '-1', '! expected digit'],
    ['debug_ms', '5', '5/5'],
    ['debug_ms', '1/5', '1/5'],
    ['debug_ms', 'foo', '! value must take the form N or N/M, where N and M are integers'],
    ['public_addr', '1.2.3.4:5', 'v2:1.2.3.4:5/0'],
    ['public_addr', '1.2.3.400', '! '],
    ['osd_pool_default_size', '300', "! Value '300' exceeds maximum 10"],
    ['osd_max_write_size', '3', "! Value '3' is below minimum 4"],
  ])('%s = %j reads as %j', (name, text, expected) => {
    expect(read(name, text)).toBe(expected);
  });

  it('every default is a value that its own option accepts and prints the same', () => {
    for (const [name, option] of OPTIONS) {
      if (option.type === 'addr' || option.type === 'uuid') continue;
      const text = canonical(option, option.default);
      expect(`${name} ${read(name, text)}`).toBe(`${name} ${text}`);
    }
  });

  it('takes names with spaces and dashes', () => {
    expect(optionName('mon allow-pool delete')).toBe('mon_allow_pool_delete');
  });
});

describe('whom a setting is for', () => {
  it.each([
    ['global', { section: 'global', mask: '' }],
    ['osd', { section: 'osd', mask: '' }],
    ['osd.3', { section: 'osd.3', mask: '' }],
    ['osd/class:hdd', { section: 'osd', mask: 'class:hdd' }],
    ['host:h1', { section: 'global', mask: 'host:h1' }],
    ['foo', undefined],
    ['osd.', undefined],
    ['bad.entity.x', undefined],
    ['osd/class:', undefined],
    ['osd/a:b/c:d', undefined],
  ])('%s', (who, expected) => {
    expect(parseTarget(who)).toEqual(expected);
  });

  const setting = (section: string, value: string, mask = ''): ConfigSetting => ({
    section,
    mask,
    name: 'osd_max_backfills',
    value,
  });
  const valueFor = (settings: ConfigSetting[], name: string, deviceClass?: string) =>
    resolveConfig(settings, { name, deviceClass }).get('osd_max_backfills')?.value;

  it('the closest section wins, whatever the order', () => {
    const all = [setting('osd.1', '3'), setting('global', '1'), setting('osd', '2')];
    for (const settings of [all, [...all].reverse()]) {
      expect(valueFor(settings, 'osd.1')).toBe('3');
      expect(valueFor(settings, 'osd.2')).toBe('2');
      expect(valueFor(settings, 'client.admin')).toBe('1');
    }
  });

  it('osd.1 is not meant by a setting for osd.10, nor the other way round', () => {
    expect(valueFor([setting('osd.10', '5')], 'osd.1')).toBeUndefined();
    expect(valueFor([setting('osd.1', '5')], 'osd.10')).toBeUndefined();
  });

  // Seen on 16.2.15: `config set osd/class:hdd` beats `config set osd.0`.
  it('a mask that fits beats a closer section, one that does not fit counts for nothing', () => {
    const settings = [setting('osd.0', '3'), setting('osd', '4', 'class:hdd')];
    expect(valueFor(settings, 'osd.0', 'hdd')).toBe('4');
    expect(valueFor(settings, 'osd.0', 'ssd')).toBe('3');
  });

  it('lists types before their entities, in the order of the reference', () => {
    const names = ['client.x', 'osd.2', 'mgr', 'osd.10', 'client', 'mds.a', 'global', 'mon'];
    const sorted = names.map((s) => setting(s, '1')).sort(compareSettings);
    expect(sorted.map((s) => s.section).join(' ')).toBe(
      'global mon mgr osd.10 osd.2 mds.a client client.x',
    );
  });
});

describe('the table of options', () => {
  it('refers only to options that it has, and says one thing of each', () => {
    for (const [name, option] of OPTIONS) {
      for (const other of option.seeAlso ?? [])
        expect(OPTIONS.has(other), `${name}: ${other}`).toBe(true);
      expect(option.desc, name).toMatch(/^[A-Z].+\.$/);
    }
  });
});
