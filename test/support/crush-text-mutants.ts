import type { Dice } from './sim-disk.ts';

/** Texts that have every kind of statement, for mutants: most still compile after a small change. */
const MUTANT_SOURCES: readonly string[] = [
  `# begin crush map
tunable choose_total_tries 50
tunable straw_calc_version 1

# devices
device 0 osd.0 class ssd
device 1 osd.1 class hdd
device 2 osd.2
device 3 osd.3 class ssd

# types
type 0 osd
type 1 host
type 2 root

# buckets
host host0 {
	id -2		# do not change unnecessarily
	id -5 class ssd
	alg straw2
	hash 0	# rjenkins1
	item osd.0 weight 1.000
	item osd.1 weight 2.500
}
host host1 {
	alg straw
	hash 0
	item osd.2 weight 1.000
	item osd.3 weight 3.000
}
root root {
	id -1
	alg list
	hash 0
	item host0 weight 3.500
	item host1 weight 4.000
}

# rules
rule data {
	id 0
	type replicated
	min_size 1
	max_size 10
	step take root class ssd
	step chooseleaf firstn 0 type host
	step emit
}
rule ec {
	ruleset 2
	type erasure
	min_size 3
	max_size 20
	step set_chooseleaf_tries 5
	step set_choose_tries 100
	step take root
	step choose indep 0 type osd
	step emit
}

# choose_args
choose_args 0 {
  {
    bucket_id -1
    weight_set [
      [ 1.000 2.000 ]
      [ 2.000 2.000 ]
    ]
    ids [ -10 -11 ]
  }
}
choose_args 3 {
}

# end crush map
`,
  `device 0 osd.0
device 1 osd.1
device 2 osd.2
device 5 osd.5
type 0 osd
type 1 host
type 2 rack
type 3 root
host host0 { id -4 alg uniform hash 0 item osd.0 weight 1.0 pos 1 item osd.1 weight 1.0 pos 0 }
host host1 { alg list item osd.2 weight 2 }
host host2 { alg straw2 item osd.5 }
root root { id -1 alg straw item rack0 weight 4 }
rack rack0 {
	alg tree
	hash rjenkins1
	item host0 pos 1
	item host1 pos 0
	item host2
}
rule { id 1 type replicated min_size 1 max_size 3 step take root step choose firstn 1 type rack
	step chooseleaf firstn 0 type host step emit }
rule two { id 0 type erasure min_size 1 max_size 3 step take rack0 step choose indep 0 type host
	step chooseleaf indep 1 type osd step emit step set_choose_local_tries 1
	step set_choose_local_fallback_tries 2 step set_chooseleaf_vary_r 3 step set_chooseleaf_stable 0 }
`,
  `device 0 a class c1
device 1 b class c2
device 2 c class c1
type 0 osd
type 1 host
type 2 root
host h1 { id -3 id -7 class c1 alg straw item a item c }
host h2 { id -9 class c1 id -10 class c2 alg tree item b weight 3 item c weight 2 }
root d { alg straw2 item h1 item h2 }
root e { id -20 alg straw2 item h2 }
rule r1 { id 0 type replicated min_size 1 max_size 3 step take e class c1 step emit }
rule r2 { id 4 type replicated min_size 1 max_size 3 step take h2 class c2 step emit }
choose_args 18446744073709551615 { { bucket_id -3 ids [ 1 2 ] }
	{ bucket_id -1 weight_set [ [ 1.0 1e0 ] ] } }
`,
];

const WORDS =
  `device type id alg hash item weight pos class rule step take choose chooseleaf firstn indep emit
  set_choose_tries set_chooseleaf_stable { } [ ] choose_args bucket_id weight_set ids tunable replicated erasure
  choose_total_tries min_size max_size ruleset ssd foo osd.0 host0 root host rack straw straw2 list tree uniform
  rjenkins1 # \0 \xe9 + -`.split(/\s+/);
const NUMBERS =
  `0 1 2 3 -1 -2 -3 -4 -5 -7 -9 -10 -20 1.0 2.5 256 65536 .5 1e1 1e30 -1.5 100 101 70000 -1000 -0 00012
  4294967297`.split(/\s+/);
const LETTERS = ' \n\t\r\v{}[]#.-_@07x';

/** A source with a change or two: words, numbers, letters and lines that are gone, new, or those of another place. */
export function mutant(roll: Dice): string {
  let text = pick(MUTANT_SOURCES, roll);
  for (let changes = 1 + (roll(4) === 0 ? roll(3) : 0); changes > 0; changes--) {
    text = pick(CHANGES, roll)(text, roll);
  }
  return text;
}

type Change = (text: string, roll: Dice) => string;
const WORD = /[^\s]+/g;
const NAME = /[A-Za-z0-9_.-]+/g;
const NUMBER = /(?<![\w.])-?[0-9][0-9.]*(?![\w.])/g;

const CHANGES: readonly Change[] = [
  (text, roll) => replaced(text, WORD, roll, () => ''),
  (text, roll) => replaced(text, WORD, roll, () => pick(WORDS, roll)),
  (text, roll) => replaced(text, WORD, roll, (word) => `${pick(WORDS, roll)} ${word}`),
  (text, roll) => replaced(text, /[\s\S]/g, roll, () => ''),
  (text, roll) => replaced(text, /[\s\S]/g, roll, (letter) => letter + pick([...LETTERS], roll)),
  (text, roll) => replaced(text, /^.*\n/gm, roll, (line) => line + anyOf(text, /^.*\n/gm, roll)),
  (text, roll) => replaced(text, /^.*\n/gm, roll, () => anyOf(text, /^.*\n/gm, roll)),
  (text, roll) => replaced(text, NUMBER, roll, () => pick(NUMBERS, roll)),
  (text, roll) => replaced(text, NUMBER, roll, () => pick(NUMBERS, roll)),
  (text, roll) => replaced(text, NUMBER, roll, () => anyOf(text, NUMBER, roll)),
  (text, roll) => replaced(text, NAME, roll, () => anyOf(text, NAME, roll)),
  (text, roll) => replaced(text, NAME, roll, () => anyOf(text, NAME, roll)),
];

function pick<T>(list: readonly T[], roll: Dice): T {
  return list[roll(list.length)]!;
}

function anyOf(text: string, pattern: RegExp, roll: Dice): string {
  return pick(text.match(pattern) ?? [''], roll);
}

function replaced(
  text: string,
  pattern: RegExp,
  roll: Dice,
  by: (found: string) => string,
): string {
  let left = roll(text.match(pattern)?.length || 1);
  return text.replace(pattern, (found) => (left-- === 0 ? by(found) : found));
}
