import { rmSync } from 'node:fs';
import { osdIds, withoutOsd } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { mayRun, stopOsd } from '../stopped.ts';
import type { Parsed, Subcommand } from '../usage.ts';
import { waitUntil } from '../wait-until.ts';
import { forgetOsd } from './add.ts';
import { osdIdOf } from './need-osd.ts';
import { type Standing, withStanding } from './standing.ts';

const TIMEOUT_S = 3600;

export const osdRm: Subcommand = {
  command: {
    words: 'osd rm DIR ID [--timeout S] [--force]',
    about:
      'Moves the data of an OSD to the others, then removes it from the running cluster in DIR.',
    positionals: ['DIR', 'ID'],
    options: { timeout: { type: 'string' }, force: { type: 'boolean' } },
    help: {
      timeout: `seconds to wait for the data to be elsewhere (default ${TIMEOUT_S})`,
      force: 'remove it at once, whatever only it holds',
    },
  },
  run(args: Parsed): Promise<number> {
    const id = osdIdOf(args);
    const timeoutMs = 1000 * (args.integer('timeout', 0, 10 ** 6) ?? TIMEOUT_S);
    return withStanding(args, async (standing) => {
      const { dir, cluster, command } = standing;
      const known = JSON.parse(await command({ prefix: 'osd ls', format: 'json' })) as number[];
      if (!known.includes(id) && !osdIds(cluster).includes(id)) {
        process.stdout.write(`there is no osd.${id}\n`);
        return;
      }
      if (known.includes(id) && !args.flag('force')) await drain(standing, id, timeoutMs);
      await stopOsd(dir, `osd.${id}`);
      dir.write(withoutOsd(cluster, id));
      await forgetOsd(standing, id);
      rmSync(dir.data(`osd.${id}`), { recursive: true, force: true });
      mayRun(dir, `osd.${id}`); // another may get its id
      process.stdout.write(`removed osd.${id}\n`);
    });
  },
};

interface OsdDump {
  readonly epoch: number;
  readonly osds: readonly { readonly osd: number; readonly in: number }[];
}

/** What the monitor knows of a PG. */
export interface Pg {
  readonly state: string;
  readonly acting: readonly number[];
  readonly up: readonly number[];
  readonly reported_epoch: number;
}

/**
 * How many PGs may need what an OSD has.
 * @param epoch what was reported before it says nothing: others may have lost their data since, and need this copy
 */
export function needed(pgs: readonly Pg[], id: number, epoch: number): number {
  const isFree = (pg: Pg): boolean =>
    pg.reported_epoch >= epoch &&
    /^active\+clean/.test(pg.state) &&
    !pg.acting.includes(id) &&
    !pg.up.includes(id);
  return pgs.filter((pg) => !isFree(pg)).length;
}

/**
 * Gives it no data any more and waits until every PG is whole without it. Given up, it is as it was.
 * @throws CephError ETIMEDOUT, EINTR
 */
async function drain({ command }: Standing, id: number, timeoutMs: number): Promise<void> {
  const map = async (): Promise<OsdDump> =>
    JSON.parse(await command({ prefix: 'osd dump', format: 'json' }));
  const wasIn = (await map()).osds.some((o) => o.osd === id && o.in === 1);
  using signals = new Interrupts();
  await command({ prefix: 'osd out', ids: [String(id)] });
  const { epoch } = await map();
  let waiting = 0;
  const isOver = async (): Promise<boolean> => {
    const dump = JSON.parse(
      await command({ prefix: 'pg dump', dumpcontents: ['pgs'], format: 'json' }),
    );
    waiting = needed(dump.pg_stats, id, epoch);
    return waiting === 0 || signals.came;
  };
  await waitUntil(isOver, 200, timeoutMs);
  if (waiting === 0) return;
  if (wasIn) await command({ prefix: 'osd in', ids: [String(id)] });
  throw new CephError(
    signals.came ? 'EINTR' : 'ETIMEDOUT',
    `osd.${id} is still needed by ${waiting} PGs; --force removes it all the same`,
  );
}

/**
 * Ctrl-C and the like, while there is something to put right before the end. The second ends the process: a command to
 * a monitor that is away waits for it without end.
 */
export class Interrupts implements Disposable {
  came = false;
  private readonly note = (): void => {
    this.came = true;
    this[Symbol.dispose]();
  };

  constructor() {
    for (const name of INTERRUPTS) process.on(name, this.note);
  }
  [Symbol.dispose](): void {
    for (const name of INTERRUPTS) process.off(name, this.note);
  }
}

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
