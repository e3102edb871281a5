import { CephError, connect, type Rados } from '../../client/index.ts';
import type { PgFacts } from '../../osd/index.ts';
import { type Parsed, type Subcommand, UsageError } from '../usage.ts';
import { type PgStory, wordsOf } from './words.ts';

const ANSWER_MS = 3000;
/** OSDs that are asked, beside the members, when nobody else can tell anything. */
const OTHERS_MAX = 64;

export const pgExplain: Subcommand = {
  command: {
    words: 'pg explain PGID',
    about: 'Says in words why a PG is in its state, what it waits for, and how it came to that.',
    positionals: ['PGID'],
    options: {
      conf: { type: 'string', short: 'c' },
      format: { type: 'string', short: 'f' },
    },
    help: {
      conf: 'The cluster: a ceph.conf; default as for ceph.',
      format: "'plain', or 'json' for what the words are made of.",
    },
  },
  async run(args: Parsed): Promise<number> {
    const pgid = args.positionals[0]!;
    if (!/^\d+\.[0-9a-f]+$/.test(pgid)) {
      throw new UsageError(
        `'${pgid}' is no PG: it is written as the pool's number, a dot and a hex number`,
      );
    }
    const format = args.string('format') ?? 'plain';
    if (format !== 'plain' && format !== 'json') {
      throw new UsageError(`--format is plain or json, not '${format}'`);
    }
    const conf = args.string('conf');
    await using rados = await connect({ ...(conf && { conf }), timeoutMs: 2 * ANSWER_MS });
    const story = await storyOf(rados, pgid);
    const text = format === 'json' ? JSON.stringify(story, null, 4) : wordsOf(story).join('\n');
    process.stdout.write(`${text}\n`);
    return 0;
  },
};

/** @throws CephError ENOENT when there is no such PG */
export async function storyOf(rados: Rados, pgid: string): Promise<PgStory> {
  await needPg(rados, pgid);
  const { output } = await rados.command({ prefix: 'pg map', pgid, format: 'json' });
  const { epoch, up, acting } = JSON.parse(output.toString()) as {
    epoch: number;
    up: number[];
    acting: number[];
  };
  const asked = new Set([...acting, ...up]);
  const first = await askAll(rados, pgid, asked);
  const named = first.answers.flatMap((a) => [
    ...a.members.map((m) => m.osd),
    ...a.strays.map((s) => s.osd),
    ...a.waitingFor,
  ]);
  const others = new Set([...named, ...(first.answers.length === 0 ? await osdsOf(rados) : [])]);
  const more = [...others].filter((osd) => !asked.has(osd)).slice(0, OTHERS_MAX);
  const second = await askAll(rados, pgid, more);
  const answers = [...first.answers, ...second.answers];
  answers.sort((a, b) => Number(b.role === 'primary') - Number(a.role === 'primary'));
  // Of those who are no members, only who has something to tell is of interest.
  const silent = [...first.silent, ...second.silent.filter(({ osd }) => named.includes(osd))];
  return { pgid, epoch, up, acting, answers, silent };
}

/** The monitor maps any number to a PG that there is. */
async function needPg(rados: Rados, pgid: string): Promise<void> {
  const [pool, seed] = pgid.split('.');
  await rados.refresh();
  const found = rados.pools().find((p) => p.id === Number(pool));
  if (!found)
    throw new CephError('ENOENT', `there is no PG ${pgid}: no pool has the number ${pool}`);
  if (Number.parseInt(seed!, 16) < found.pgNum) return;
  const last = (found.pgNum - 1).toString(16);
  const text = `there is no PG ${pgid}: those of pool '${found.name}' end with ${pool}.${last}`;
  throw new CephError('ENOENT', text);
}

async function osdsOf(rados: Rados): Promise<number[]> {
  const { output } = await rados.command({ prefix: 'osd ls', format: 'json' });
  return JSON.parse(output.toString()) as number[];
}

async function askAll(rados: Rados, pgid: string, osds: Iterable<number>) {
  const answers: PgFacts[] = [];
  const silent: { osd: number; reason: string }[] = [];
  await Promise.all(
    [...osds].map(async (osd) => {
      try {
        const { output } = await rados.tell(
          osd,
          { prefix: 'explain', pgid },
          { timeoutMs: ANSWER_MS },
        );
        answers.push(JSON.parse(output.toString()) as PgFacts);
      } catch (e) {
        if (!(e instanceof CephError)) throw e;
        const reason = e.code === 'ENOENT' ? 'does not have the PG' : e.message;
        silent.push({ osd, reason });
      }
    }),
  );
  answers.sort((a, b) => a.osd - b.osd);
  silent.sort((a, b) => a.osd - b.osd);
  return { answers, silent };
}
