import { TUNABLE_WORDS } from '../../crush/index.ts';
import {
  type CephOption,
  leadingFloat,
  option,
  takeOptions,
  type WordReader,
} from '../ceph-args.ts';
import type { ToolIo } from '../tool-io.ts';
import { emptyRequest, type Request } from './request.ts';
import { testOptions } from './test-words.ts';

const { flag, text, checkedText, checkedInt, int } = option;

/**
 * Reads the command line. Source: main of tools/crushtool.cc, release 16.2.
 * @param io gets what the tool prints while it reads
 * @throws ToolFailure
 */
export function readWords(words: readonly string[], io: ToolIo): Request {
  const r = emptyRequest();
  r.left = takeOptions(words, [
    ...inputOptions(r),
    ...tunableOptions(r),
    ...itemOptions(r),
    ...ruleOptions(r, io),
    ...classOptions(r),
    ...showOptions(r),
    ...testOptions(r),
  ]);
  return r;
}

function inputOptions(r: Request): CephOption[] {
  return [
    text(['-d', '--decompile'], (v) => {
      r.infn = v;
      r.decompile = true;
    }),
    text(['-i', '--infn'], (v) => {
      r.infn = v;
    }),
    text(['-o', '--outfn'], (v) => {
      r.outfn = v;
    }),
    text(['-c', '--compile'], (v) => {
      r.compile = v;
    }),
    text(['--import_json'], (v) => {
      r.importJson = v;
    }),
    text(['--import_xml'], (v) => {
      r.importXml = v;
    }),
    flag(['-v', '--verbose'], () => {
      r.verbose = true;
    }),
    // All tunables of this release compile without.
    flag(['--enable_unsafe_tunables'], () => {}),
    flag(['--build'], () => {
      r.build = true;
    }),
    checkedInt(['--num_osds'], (v) => {
      r.deviceCount = v;
    }),
  ];
}

function tunableOptions(r: Request): CephOption[] {
  return Object.entries(TUNABLE_WORDS).map(([name, key]) =>
    int([`--set_${name}`], (value) => {
      r.hasTunables = true;
      if (value !== undefined && value >= 0) r.tunables[key] = value;
      else if (value !== undefined) delete r.tunables[key];
    }),
  );
}

function itemOptions(r: Request): CephOption[] {
  const item = (name: string, more: () => void): CephOption =>
    int([`--${name.replace('-', '_')}`], (id, words) => {
      more();
      words.check();
      r.itemId = id ?? -1;
      const message = `expecting additional argument to --${name}`;
      r.itemWeight = Math.fround(leadingFloat(words.need(message)));
      r.addName = words.need(message);
    });
  return [
    item('add-item', () => {}),
    item('update-item', () => {
      r.isUpdate = true;
    }),
    flag(['--add_bucket'], (words) => {
      const message = 'expecting additional argument to --add-bucket';
      r.addName = words.need(message);
      r.addBucketType = words.need(message);
      words.check();
    }),
    flag(['--move'], (words) => {
      r.move = words.need('expecting additional argument to --move');
      words.check();
    }),
    text(['--loc'], (type, words) => {
      r.loc[type] = words.need('expecting additional argument to --loc');
    }),
    text(['--remove_item'], (v) => {
      r.removeItem = v;
    }),
    text(['--reweight_item'], (name, words) => {
      const word = words.need('expecting additional argument to --reweight-item');
      r.reweightItem = { name, weight: Math.fround(leadingFloat(word)) };
    }),
    flag(['--reweight'], () => {
      r.reweight = true;
    }),
  ];
}

function ruleOptions(r: Request, io: ToolIo): CephOption[] {
  const name = (value: string | undefined, words: WordReader): void => {
    words.check();
    r.ruleName = value ?? r.ruleName;
  };
  return [
    checkedText(['--create_simple_rule'], (value, words) => {
      name(value, words);
      const message = 'expecting additional argument to --create-simple-rule';
      r.rule.root = words.need(message);
      r.rule.type = words.need(message);
      r.rule.mode = words.need(message);
      const { root, type, mode } = r.rule;
      io.out(`--create-simple-rule: name=${r.ruleName} root=${root} type=${type} mode=${mode}\n`);
      r.addRule = true;
    }),
    checkedText(['--create_replicated_rule'], (value, words) => {
      name(value, words);
      const message = 'expecting additional argument to --create-replicated-rule';
      r.rule.root = words.need(message);
      r.rule.type = words.need(message);
      r.rule.mode = 'firstn';
      const { root, type } = r.rule;
      io.out(`--create-replicated-rule: name=${r.ruleName} root=${root} type=${type}\n`);
      r.addRule = true;
    }),
    text(['--device_class'], (value, words) => {
      words.check();
      r.rule.deviceClass = value;
    }),
    text(['--remove_rule'], (value, words) => {
      name(value, words);
      r.removeRule = true;
    }),
  ];
}

function classOptions(r: Request): CephOption[] {
  const message = 'expecting additional argument';
  return [
    flag(['--rebuild_class_roots'], () => {
      r.rebuildClassRoots = true;
    }),
    text(['--set_subtree_class'], (bucket, words) => {
      r.subtreeClasses.set(bucket, words.need(message));
    }),
    flag(['--reclassify'], () => {
      r.reclassify = true;
    }),
    text(['--reclassify_bucket'], (match, words) => {
      const deviceClass = words.need(message);
      r.reclassifyBuckets.set(match, { deviceClass, parent: words.need(message) });
    }),
    text(['--reclassify_root'], (root, words) => {
      r.reclassifyRoots.set(root, words.need(message));
    }),
  ];
}

function showOptions(r: Request): CephOption[] {
  return [
    int(['--show_location'], (id) => {
      r.showLocation = id ?? r.showLocation;
    }),
    flag(['--tree'], () => {
      r.tree = true;
    }),
    flag(['--bucket_tree'], () => {
      r.bucketTree = true;
    }),
    text(['-b', '--bucket_name'], (v) => {
      r.bucketName = v;
    }),
    flag(['--dump'], () => {
      r.dump = true;
    }),
    text(['-f', '--format'], (v) => {
      r.format = v;
    }),
    text(['--export_json'], (v) => {
      r.exportJson = v;
    }),
    text(['--export_xml'], (v) => {
      r.exportXml = v;
    }),
    int(['--check'], (idLimit) => {
      r.checkIdLimit = idLimit ?? r.checkIdLimit;
      r.check = true;
    }),
    text(['--compare'], (v) => {
      r.compare = v;
    }),
  ];
}
