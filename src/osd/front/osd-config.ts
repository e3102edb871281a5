import {
  canonical,
  defaultText,
  OPTIONS,
  optionName,
  optionValue,
  parseOption,
} from '../../config/index.ts';
import type { MapSharing } from '../map-follower.ts';
import { OP_LIMITS, type OpLimits } from '../ops/index.ts';

/**
 * Options as one OSD sees them: what was set at runtime, the configuration file, what the monitor says, the default. In
 * this order, as src/common/config.h of Ceph 16.2 has its levels.
 */
export class OsdConfig {
  private readonly file: ReadonlyMap<string, string>;
  private mon: ReadonlyMap<string, string>;
  private readonly runtime = new Map<string, string>();

  constructor(
    file: ReadonlyMap<string, string> = new Map(),
    mon: ReadonlyMap<string, string> = new Map(),
  ) {
    this.file = file;
    this.mon = mon;
  }

  setFromMon(values: ReadonlyMap<string, string>): void {
    this.mon = values;
  }

  /** The value in text and where it comes from; undefined for an option nobody knows. */
  get(given: string): { name: string; value: string; source: string } | undefined {
    const name = optionName(given);
    if (!OPTIONS.has(name)) return undefined;
    for (const [source, values] of [
      ['override', this.runtime],
      ['file', this.file],
      ['mon', this.mon],
    ] as const) {
      const value = values.get(name);
      if (value !== undefined) return { name, value, source };
    }
    return { name, value: defaultText(name), source: 'default' };
  }

  number(name: string): number {
    return Number(optionValue(name, this.get(name)?.value));
  }

  /** For this process's life. @returns an error in words, or undefined */
  set(given: string, text: string): string | undefined {
    const name = optionName(given);
    const option = OPTIONS.get(name);
    if (!option) return `unrecognized option '${given}'`;
    const parsed = parseOption(option, text);
    if ('error' in parsed) return parsed.error;
    this.runtime.set(name, canonical(option, parsed.ok));
    return undefined;
  }
  unset(given: string): void {
    this.runtime.delete(optionName(given));
  }

  /** What differs from the defaults. */
  changed(): { name: string; value: string; source: string }[] {
    const names = new Set([...this.file.keys(), ...this.mon.keys(), ...this.runtime.keys()]);
    return [...names].sort().flatMap((name) => this.get(name) ?? []);
  }

  /** How shards share maps; settled when the OSD starts. */
  mapSharing(): MapSharing {
    const mode = this.get('osd_map_cache_mode')?.value;
    return {
      mode: mode === 'symmetric' ? mode : 'server',
      epochsMax: this.number('osd_map_cache_size'),
    };
  }

  limits(): OpLimits {
    const of = (name: string, fallback: number): number =>
      OPTIONS.has(name) ? this.number(name) : fallback;
    return {
      objectSizeMax: of('osd_max_object_size', OP_LIMITS.objectSizeMax),
      objectNameLengthMax: of('osd_max_object_name_len', OP_LIMITS.objectNameLengthMax),
      namespaceLengthMax: of('osd_max_object_namespace_len', OP_LIMITS.namespaceLengthMax),
      attrSizeMax: of('osd_max_attr_size', OP_LIMITS.attrSizeMax),
      attrNameLengthMax: of('osd_max_attr_name_len', OP_LIMITS.attrNameLengthMax),
      writeSizeMax: of('osd_max_write_size', OP_LIMITS.writeSizeMax >> 20) * 2 ** 20,
      omapEntriesMax: of('osd_max_omap_entries_per_request', OP_LIMITS.omapEntriesMax),
      omapBytesMax: of('osd_max_omap_bytes_per_request', OP_LIMITS.omapBytesMax),
      writeReplyOutputMax: of('osd_max_write_op_reply_len', OP_LIMITS.writeReplyOutputMax),
    };
  }
}
