import { readFileSync } from 'node:fs';
import type { OptionValue } from '../config/index.ts';
import { optionValue } from '../config/index.ts';
import { CephError } from '../errors/index.ts';
import { type CephConf, confValue, parseCephConf } from '../rados/index.ts';
import { VERSION_TEXT } from '../wire/index.ts';
import { type GenericArgs, takeGenericOptions } from './generic-args.ts';
import { strerror, systemErrno, ToolFailure, type ToolIo } from './tool-io.ts';

/** Who a tool of the command line is, for the sections of a configuration file. */
const ENTITY = 'client.admin';

/** What the command line and its configuration file say: options, and the file's sections as they stand. */
export class ToolConfig {
  readonly conf: CephConf;
  private readonly settings: ReadonlyMap<string, string>;

  private constructor(conf: CephConf, settings: ReadonlyMap<string, string>) {
    this.conf = conf;
    this.settings = settings;
  }

  /**
   * Reads the file that `-c` names; without one there is none, as Ceph's map tools have it. One that cannot be opened is
   * told and left out.
   * @throws ToolFailure for one that cannot be understood
   */
  static read({ conf, settings }: GenericArgs, io: ToolIo): ToolConfig {
    if (conf === undefined) return new ToolConfig(new Map(), settings);
    let text: string;
    try {
      text = readFileSync(conf, 'utf8');
    } catch (e) {
      io.err(`can't open ${conf}: ${strerror(systemErrno(e))}\n`);
      return new ToolConfig(new Map(), settings);
    }
    try {
      return new ToolConfig(parseCephConf(text), settings);
    } catch (e) {
      if (!(e instanceof CephError)) throw e;
      throw new ToolFailure(`global_init: error reading config file. ${e.message}`);
    }
  }

  /** An option of our table: from the command line, the file, or its default. */
  value(name: string): OptionValue {
    return optionValue(name, this.text(name));
  }

  /** What the command line or the file says, if anything. */
  text(name: string): string | undefined {
    return this.settings.get(name) ?? confValue(this.conf, ENTITY, name);
  }
}

/**
 * Takes the options that all of Ceph's programs have out of a command line.
 * @returns the words that are left, and the configuration; undefined when all that was wanted is the version, now told
 * @throws ToolFailure
 */
export function takeCommonOptions(
  words: readonly string[],
  io: ToolIo,
): { left: readonly string[]; config: ToolConfig } | undefined {
  const generic = takeGenericOptions(words, io, process.env.CEPH_ARGS);
  if (generic.wantsVersion) {
    io.out(`${VERSION_TEXT}\n`);
    return undefined;
  }
  return { left: generic.left, config: ToolConfig.read(generic, io) };
}
