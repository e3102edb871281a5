import { pgInfo } from '../../osd/index.ts';
import { type BlockStore, objectText } from '../../store/index.ts';
import { parsePgId } from '../../wire/index.ts';
import { matches, objectsOf, pgsOf } from './objects.ts';
import { jsonText, notFound, type Request } from './words.ts';

/** `list-pgs`; one whose import or removal was cut short says so on standard error. */
export function listPgs(store: BlockStore): string {
  let out = '';
  for (const c of pgsOf(store, NO_PG)) {
    const pgid = parsePgId(c);
    if (pgid && !pgInfo(store, pgid)) {
      process.stderr.write(`${c} is a rest of a PG: its removal or import was cut short\n`);
    }
    out += `${c}\n`;
  }
  return out;
}
const NO_PG = { pgid: undefined } as Request;

/** `list`, line by line. */
export function* list(store: BlockStore, request: Request): Generator<string> {
  const [name] = request.object;
  for (const c of pgsOf(store, request)) {
    for (const oid of objectsOf(store, c)) {
      const isWanted = name === undefined || matches(oid, { oid: name }, request);
      if (isWanted) yield `${objectText(c, oid)}\n`;
    }
  }
}

/** `info`. */
export function info(store: BlockStore, request: Request): string {
  const [c] = pgsOf(store, { ...request, pgid: request.pgid! });
  const i = pgInfo(store, request.pgid!);
  if (!i) throw notFound(c!);
  const version = (v: { epoch: number; version: bigint }) => `${v.epoch}'${v.version}`;
  const { acting, up, primary } = i.view;
  return `${jsonText(request, {
    pgid: c,
    last_update: version(i.lastUpdate),
    log_tail: version(i.logTail),
    last_user_version: Number(i.totals.lastUserVersion),
    complete: i.complete && !i.import,
    history: {
      epoch_created: i.created,
      last_epoch_started: i.lastEpochStarted,
      last_interval_started: i.started,
      last_interval_clean: i.clean,
      same_interval_since: i.since,
      past_intervals: i.history,
    },
    stats: { num_objects: i.totals.objects, num_bytes: i.totals.bytes },
    up,
    acting,
    acting_primary: primary,
  })}\n`;
}
