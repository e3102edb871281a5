import { type CephOption, option, takeOptions } from '../ceph-args.ts';
import { ToolFailure } from '../tool-io.ts';
import { emptyRequest, type Request, type ShowFormat } from './request.ts';

const { flag, text, checkedText, int } = option;

/**
 * Reads the command line. Source: main of tools/osdmaptool.cc, release 16.2.
 * @throws ToolFailure
 */
export function readWords(words: readonly string[]): Request {
  const r = emptyRequest();
  const used = words.filter((word) => !isBalancerKnob(word));
  r.left = takeOptions(used, [
    ...makeOptions(r),
    ...changeOptions(r),
    ...upmapOptions(r),
    ...showOptions(r),
    ...testOptions(r),
  ]);
  return r;
}

/** Settings of Ceph's own search for upmaps; ours has nothing to set. */
const isBalancerKnob = (word: string): boolean =>
  /^--(no[-_])?osd[-_]calc[-_]pg[-_]upmaps[-_]\w+(=|$)/.test(word);

function makeOptions(r: Request): CephOption[] {
  return [
    int(['--createsimple'], (v, words) => {
      words.check();
      r.createSimple = v ?? 0;
    }),
    flag(['--create_from_conf'], () => {
      r.createFromConf = true;
    }),
    flag(['--with_default_pool'], () => {
      r.withDefaultPool = true;
    }),
    flag(['--clobber'], () => {
      r.clobber = true;
    }),
    int(['--osd_pg_bits'], (v) => {
      r.pgBits = v ?? r.pgBits;
    }),
    int(['--osd_pgp_bits'], (v) => {
      r.pgpBits = v ?? r.pgpBits;
    }),
    int(['--pg_bits'], (v, words) => {
      words.check();
      r.pgBits = v ?? r.pgBits;
    }),
    int(['--pgp_bits'], (v, words) => {
      words.check();
      r.pgpBits = v ?? r.pgpBits;
    }),
  ];
}

function changeOptions(r: Request): CephOption[] {
  return [
    flag(['--mark_up_in'], () => {
      r.markUpIn = true;
    }),
    text(['--mark_out'], (v) => {
      r.markOut = leadingNumber('--mark-out', v);
    }),
    text(['--mark_up'], (v) => {
      r.markUp = leadingNumber('--mark-up', v);
    }),
    text(['--mark_in'], (v) => {
      r.markIn = leadingNumber('--mark-in', v);
    }),
    checkedText(['--adjust_crush_weight'], (v) => {
      r.crushWeights = v ?? '';
    }),
    flag(['--clear_temp'], () => {
      r.clearTemp = true;
    }),
    flag(['--clean_temps'], () => {
      r.cleanTemps = true;
    }),
    text(['--import_crush'], (v) => {
      r.importCrush = v;
    }),
    flag(['--save'], () => {
      r.save = true;
    }),
  ];
}

/** A number at the start of a word. Where there is none Ceph's tool aborts; this one says why. @throws ToolFailure */
export function leadingNumber(what: string, word: string): number {
  const value = Number.parseFloat(word);
  if (Number.isNaN(value)) throw new ToolFailure(`osdmaptool: ${what}: '${word}' is not a number`);
  return Math.trunc(value);
}

function upmapOptions(r: Request): CephOption[] {
  return [
    text(['--upmap_cleanup'], (v) => {
      r.upmapFile = v;
      r.upmapCleanup = true;
    }),
    text(['--upmap'], (v) => {
      r.upmapFile = v;
      r.upmapCleanup = true;
      r.upmap = true;
    }),
    int(['--upmap_max'], (v) => {
      r.upmapMax = v ?? r.upmapMax;
    }),
    int(['--upmap_deviation'], (v) => {
      r.upmapDeviation = v ?? r.upmapDeviation;
    }),
    text(['--upmap_pool'], (v) => {
      r.upmapPools.add(v);
    }),
    flag(['--upmap_active'], () => {
      r.upmapActive = true;
    }),
  ];
}

function showOptions(r: Request): CephOption[] {
  return [
    flag(['-p', '--print'], () => {
      r.print ??= 'plain';
    }),
    checkedText(['--dump'], (v) => {
      r.print = showFormat(v);
    }),
    checkedText(['--tree'], (v) => {
      r.tree = showFormat(v);
    }),
    flag(['--health'], () => {
      r.health = true;
    }),
    text(['--export_crush'], (v) => {
      r.exportCrush = v;
    }),
  ];
}

/** Ceph's tool takes any other word for JSON too, except that it also knows XML and tables. */
function showFormat(word: string | undefined): ShowFormat {
  if (word === undefined || word === '' || word === 'plain') return 'plain';
  return word === 'json-pretty' ? 'json-pretty' : 'json';
}

function testOptions(r: Request): CephOption[] {
  return [
    text(['--test_map_pg'], (v) => {
      r.testMapPg = v;
    }),
    text(['--test_map_object'], (v) => {
      r.testMapObject = v;
    }),
    flag(['--test_map_pgs'], () => {
      r.testMapPgs = true;
    }),
    flag(['--test_map_pgs_dump'], () => {
      r.testMapPgsDump = true;
    }),
    flag(['--test_map_pgs_dump_all'], () => {
      r.testMapPgsDumpAll = true;
    }),
    flag(['--test_random'], () => {
      r.testRandom = true;
    }),
    flag(['--test_crush'], () => {
      r.testCrush = true;
    }),
    int(['--pool'], (v, words) => {
      words.check();
      r.pool = v ?? r.pool;
    }),
    checkedText(['--pg_num'], (v = '') => {
      if (!/^-?\d+$/.test(v)) {
        const why = `Expected option value to be integer, got '${v}'`;
        throw new ToolFailure(`error parsing integer value ${why}`);
      }
      r.pgNum = Number(v);
    }),
    int(['--range_first'], (v) => {
      r.rangeFirst = v ?? r.rangeFirst;
    }),
    int(['--range_last'], (v) => {
      r.rangeLast = v ?? r.rangeLast;
    }),
  ];
}
