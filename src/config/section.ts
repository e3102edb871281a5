/**
 * Who a stored setting is for. A section is `global`, a type, or one entity, narrowed by an optional mask: a CRUSH
 * place (`rack:r1`, `host:h`) or a device class (`class:ssd`). Source: src/mon/ConfigMap.cc, release 16.2.
 */
export interface ConfigTarget {
  readonly section: string;
  /** '' or the mask's text. */
  readonly mask: string;
}

/** One stored setting. */
export interface ConfigSetting extends ConfigTarget {
  readonly name: string;
  /** Canonical text. */
  readonly value: string;
}

const CONFIG_TYPES = ['client', 'mds', 'mgr', 'mon', 'osd'] as const;

/** Reads `osd`, `osd.3`, `global`, `osd/class:ssd`; undefined when it names nobody. */
export function parseTarget(who: string): ConfigTarget | undefined {
  const parts = who.split('/');
  const masks = parts.filter((p) => p.includes(':'));
  const names = parts.filter((p) => !p.includes(':'));
  if (masks.length > 1 || names.length > 1) return undefined;
  const mask = masks[0] ?? '';
  if (mask !== '' && !/^[^:]+:[^:]+$/.test(mask)) return undefined;
  const section = names[0] ?? 'global';
  return isSection(section) ? { section, mask } : undefined;
}

function isSection(text: string): boolean {
  if (text === 'global') return true;
  const type = text.split('.', 1)[0]!;
  if (!CONFIG_TYPES.some((t) => t === type)) return false;
  return text === type || text.length > type.length + 1;
}

/** What is known of an entity whose configuration is asked for. */
export interface ConfigSubject {
  /** e.g. `osd.3`, `client.admin`. */
  readonly name: string;
  readonly deviceClass?: string;
  /** CRUSH type to bucket name, e.g. host to h1. */
  readonly location?: ReadonlyMap<string, string>;
}

/** Above any count of dotted words in a name, whose length the store's keys bound. */
const CLOSENESS_MAX = 10_000;

/** 0 global, 1 a type, 2 and more for an entity and its dotted ancestors; undefined: not for this one. */
function closeness(section: string, name: string): number | undefined {
  if (section === 'global') return 0;
  if (section === name || name.startsWith(`${section}.`)) return section.split('.').length;
  return undefined;
}

function maskMatches(mask: string, who: ConfigSubject): boolean {
  if (mask === '') return true;
  const [type, value] = mask.split(':') as [string, string];
  return type === 'class' ? who.deviceClass === value : who.location?.get(type) === value;
}

/** A place tells more than a class, and either more than none. */
function precision(mask: string): number {
  return mask === '' ? 0 : mask.startsWith('class:') ? 1 : 2;
}

/** The settings that apply to an entity: the most precise mask wins, among equals the closest section. */
export function resolveConfig<S extends ConfigSetting>(
  settings: Iterable<S>,
  who: ConfigSubject,
): Map<string, S> {
  const best = new Map<string, { rank: number; setting: S }>();
  for (const setting of settings) {
    const close = closeness(setting.section, who.name);
    if (close === undefined || !maskMatches(setting.mask, who)) continue;
    const rank = precision(setting.mask) * CLOSENESS_MAX + close;
    const now = best.get(setting.name);
    if (!now || rank >= now.rank) best.set(setting.name, { rank, setting });
  }
  return new Map(
    [...best].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([name, b]) => [name, b.setting]),
  );
}

const GROUPS = ['global', 'mon', 'mgr', 'osd', 'mds', 'client'];

/** The order of `config dump`: global, then each type before its entities; inside by option, then mask. */
export function compareSettings(a: ConfigSetting, b: ConfigSetting): number {
  const group = (s: string): number => GROUPS.indexOf(s.split('.', 1)[0]!);
  return (
    group(a.section) - group(b.section) ||
    order(a.section, b.section) ||
    order(a.name, b.name) ||
    order(a.mask, b.mask)
  );
}
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
