import { describe, expect, it } from 'vitest';
import {
  type CephOption,
  leadingFloat,
  leadingInteger,
  option,
  takeOptions,
} from '../src/cli/ceph-args.ts';
import { takeGenericOptions } from '../src/cli/generic-args.ts';
import type { ToolIo } from '../src/cli/tool-io.ts';

/** Takes a line of words and tells what each option got. */
function take(line: string): { left: string[]; got: string[] } {
  const got: string[] = [];
  const note = (name: string) => (value: unknown) => void got.push(`${name}=${value}`);
  const options: CephOption[] = [
    option.flag(['-t', '--test_it'], () => void got.push('test')),
    option.text(['-i', '--in-file'], note('in')),
    option.checkedText(['--soft'], note('soft')),
    option.int(['--num_rep'], note('num')),
    option.int(['--strict'], (value, words) => {
      words.check();
      note('strict')(value);
    }),
    option.long(['--pool_id'], note('pool')),
    option.float(['--ratio'], note('ratio')),
    option.text(['--pair'], (value, words) => void got.push(`${value}+${words.need('one more')}`)),
  ];
  return { left: takeOptions(line.split(' ').filter(Boolean), options), got };
}

describe('words of a command line, as Ceph reads them', () => {
  it('takes - and _ for the same inside a name, values after = or a space', () => {
    expect(take('--num-rep 3 --num_rep=4 --in_file a=b --in-file=c=d -i e -t --test-it')).toEqual({
      left: [],
      got: ['num=3', 'num=4', 'in=a=b', 'in=c=d', 'in=e', 'test', 'test'],
    });
  });

  it('leaves what no option takes, a flag with a value too, and all after --', () => {
    expect(take('x -t=1 --test-it=1 --foo -t y -- -t --')).toEqual({
      left: ['x', '-t=1', '--test-it=1', '--foo', 'y', '-t', '--'],
      got: ['test'],
    });
  });

  it('gives a text option the next word whatever it looks like', () => {
    expect(take('-i -t --pair a --num-rep').got).toEqual(['in=-t', 'a+--num-rep']);
  });

  it('ends where a value is missing, for some options only when they look', () => {
    expect(() => take('-t -i')).toThrow('Option -i requires an argument.');
    expect(() => take('--in-file')).toThrow('Option --in-file requires an argument.');
    expect(take('--num-rep').got).toEqual(['num=undefined']);
    expect(take('--soft').got).toEqual(['soft=undefined']);
    expect(() => take('--strict')).toThrow('Option --strict requires an argument.\n');
    expect(() => take('--pair a')).toThrow('one more');
  });

  it('says why a number is none, and in Ceph a later option stumbles over an earlier mistake', () => {
    const complaints: Record<string, string> = {
      abc: "The option value 'abc' is invalid",
      '5.': "Expected option value to be integer, got '5.'",
      '--': 'Missing option value',
      '-x': 'Missing option value',
      '-': 'Missing option value',
      '3000000000': "The option value '3000000000' seems to be invalid",
    };
    for (const [text, complaint] of Object.entries(complaints)) {
      expect(() => take(`--strict ${text}`)).toThrow(complaint);
    }
    expect(take('--num-rep abc').got).toEqual(['num=1']);
    expect(() => take('--num-rep abc --strict 3')).toThrow("The option value 'abc' is invalid");
    expect(take('--strict -3').got).toEqual(['strict=-3']);
  });

  it('reads 64 bits and single precision', () => {
    expect(take('--pool-id 9223372036854775807 --ratio .1').got).toEqual([
      'pool=9223372036854775807',
      `ratio=${Math.fround(0.1)}`,
    ]);
    expect(take('--pool-id 9223372036854775808 --ratio 1e3').got).toEqual(['pool=0', 'ratio=1']);
  });

  it('reads numbers at the start of a text as C does', () => {
    expect(['1.5x', '-2e2', '.5.', 'x', '', '+3'].map(leadingFloat)).toEqual([
      1.5, -200, 0.5, 0, 0, 3,
    ]);
    expect(['12x', '-3', '+4', 'x', '4294967297'].map(leadingInteger)).toEqual([12, -3, 4, 0, 1]);
  });
});

describe('options that every program of Ceph takes', () => {
  function generic(line: string, cephArgs?: string) {
    let err = '';
    const io = { err: (text: string) => (err += text) } as unknown as ToolIo;
    const { settings, ...rest } = takeGenericOptions(line.split(' ').filter(Boolean), io, cephArgs);
    return { ...rest, settings: Object.fromEntries(settings), err };
  }

  it('takes identity, configuration file and options of the table out of the line', () => {
    const line = '--conf f map -n client.x --debug-osd 20 --debug_mon=5/6 --id y --print -m host';
    expect(generic(line, '--debug-crush 0  -c g')).toMatchObject({
      left: ['map', '--print'],
      conf: 'f',
      settings: { debug_crush: '0', debug_osd: '20', debug_mon: '5/6', mon_host: 'host' },
      err: '',
    });
  });

  it('takes booleans with and without a value, and --no- before them', () => {
    const line = '--log-to-file --ms_bind_ipv6 false --no-log-to-stderr x';
    expect(generic(line)).toMatchObject({
      left: ['x'],
      settings: { log_to_file: 'true', ms_bind_ipv6: 'false', log_to_stderr: 'false' },
    });
  });

  it('tells a value that does not parse, and reads no options after it', () => {
    expect(generic('--debug-osd foo --debug-mon 3 map')).toMatchObject({
      left: ['--debug-mon', '3', 'map'],
      settings: {},
      err:
        "parse error setting 'debug_osd' to 'foo' (value must take the form N or N/M, where N and M are " +
        'integers)\n\n',
    });
    expect(generic('map --debug-osd').err).toBe(
      "parse error setting 'debug_osd' to '' (Option --debug-osd requires an argument.\n)\n\n",
    );
  });

  it('leaves unknown words and all after --', () => {
    expect(generic('constructor --log-to-file toString').left).toEqual(['constructor', 'toString']);
    expect(generic('--foo bar -- --debug-osd 3').left).toEqual([
      '--foo',
      'bar',
      '--',
      '--debug-osd',
      '3',
    ]);
    expect(() => generic('--conf')).toThrow('Option --conf requires an argument.');
  });
});
