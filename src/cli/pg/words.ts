import type { MemberFacts, PgFacts } from '../../osd/index.ts';

/** What is known of a PG from all who could be asked. */
export interface PgStory {
  readonly pgid: string;
  /** By the monitor's map. */
  readonly epoch: number;
  readonly up: readonly number[];
  readonly acting: readonly number[];
  /** The primary's first. */
  readonly answers: readonly PgFacts[];
  /** OSDs that were asked, and why they gave no answer. */
  readonly silent: readonly { readonly osd: number; readonly reason: string }[];
}

/** A PG's state in words: what, why, what it waits for, who has what, and how it came to that. */
export function wordsOf(story: PgStory): string[] {
  const { answers, silent, pgid } = story;
  const told = answers.find((a) => a.role === 'primary') ?? answers[0];
  const out = [headline(story, told), `  why: ${why(story, told)}`];
  const wanted = waitsFor(story, told);
  out.push(`  waits for: ${wanted.length > 0 ? wanted.join('; ') : 'nothing'}`);
  if (told) {
    const { objects, bytes, log } = told;
    out.push(
      `  holds: ${count(objects, 'object')}, ${bytes} bytes, version ${told.version}; ` +
        `log of ${count(log.entries, 'entry', 'entries')} after ${log.tail}, ` +
        `${count(log.remembered, 'request')} remembered before it`,
    );
  }
  out.push('  members:', ...membersOf(story).map((line) => `    ${line}`));
  for (const { osd, reason } of silent) out.push(`    osd.${osd}: no answer (${reason})`);
  if (told && told.strays.length > 0) {
    const strays = told.strays.map(
      (s) =>
        `osd.${s.osd} (${s.isFinishing ? 'told to drop its copy' : 'kept until all is clean'})`,
    );
    out.push(`  other holders: ${strays.join(', ')}`);
  }
  const past = longest(answers);
  if (past.length > 0) {
    out.push('  history, oldest first:');
    for (const i of past) {
      const writes = i.maybeWritten ? 'may hold writes' : 'served no writes';
      out.push(`    epochs ${i.first}-${i.last}: ${list(i.acting)} ${writes}; then ${i.ended}`);
    }
    if (told) out.push(`    since epoch ${told.since}: ${list(told.acting)}`);
  }
  if (answers.length === 0) out.push(`  No OSD that is up could tell anything of ${pgid}.`);
  return out;
}

function headline({ pgid, up, acting }: PgStory, told: PgFacts | undefined): string {
  const members = `up ${list(up)}, acting ${list(acting)}`;
  if (!told) return `PG ${pgid}: no member is up; ${members}`;
  const state = told.role === 'primary' ? told.state : 'without a primary that answers';
  return `PG ${pgid}: ${state}, for ${told.sinceSeconds} s since epoch ${told.since}; ${members}`;
}

function why({ acting }: PgStory, told: PgFacts | undefined): string {
  if (acting.length === 0) return 'all OSDs that should serve it are down, or none should';
  if (told?.role !== 'primary') return 'its primary does not answer';
  const { size, minSize, unfound, isStalled, isLogFull } = told;
  const here = told.acting.length;
  switch (told.phase) {
    case 'active': {
      const lacks = told.members.reduce((sum, m) => sum + m.lacks, 0);
      const few = here < size ? `only ${here} of ${size} members are there; ` : '';
      const noWrites = isLogFull
        ? 'writes wait, since the log cannot be cut before all is listed; '
        : '';
      if (isStalled)
        return `${few}${noWrites}no OSD that is up can say what else it holds: about ${count(unfound, 'object')} cannot be found`;
      if (unfound > 0)
        return `${few}${count(unfound, 'object')} cannot be found on any OSD that is up`;
      if (lacks > 0)
        return `${few}all is served, and ${count(lacks, 'copy', 'copies')} are brought beside that`;
      return here < size ? `${few}all is served` : `all ${size} members serve and have everything`;
    }
    case 'peered':
      return `${here} of ${size} members are there and min_size is ${minSize}: nothing is served`;
    case 'down': {
      const open = told.open.filter((i) => i.up.length === 0);
      const when = open.map((i) => `${i.first}-${i.last} by ${list(i.acting)}`).join(', ');
      return `writes may have been answered in epochs ${when || 'before'}, and none of those is up`;
    }
    case 'incomplete':
      return 'nobody who is up ever served it, so nobody has its history';
    case 'waitingForUpThru':
      return 'all members are ready, and the map does not show yet that the primary is alive';
    case 'activating':
      return 'members take over the log of the primary';
    case 'comparing':
      return 'the primary compares the logs of members with its own';
    case 'fetching':
    case 'merging':
      return 'the primary takes over the newest log';
    case 'asking':
      return 'the primary asks who was a member what it has';
    default:
      return 'a former primary may still answer reads for a moment, or what is held is not durable yet';
  }
}

function waitsFor({ pgid, acting }: PgStory, told: PgFacts | undefined): string[] {
  if (acting.length === 0) return ['one of its OSDs to come up'];
  if (told?.role !== 'primary') return [`osd.${told?.primary ?? acting[0]} to answer`];
  const names = told.waitingFor.map((osd) => `osd.${osd}`);
  if (told.phase === 'down') {
    const lost = told.waitingFor.map((osd) => `ceph osd lost ${osd}`).join(', ');
    return [`one of ${names.join(', ')} to start; if they are gone for good: ${lost}`];
  }
  const out: string[] = [];
  if (names.length > 0) out.push(`an answer of ${names.join(', ')}`);
  if (told.phase === 'waitingForUpThru') out.push('the monitor to publish a map');
  if (told.phase === 'peered') {
    const more = told.minSize - told.acting.length;
    if (more > 0) out.push(`${count(more, 'more member')}, or a smaller min_size`);
  }
  const isUnfound = told.unfound > 0 || told.isStalled;
  if (isUnfound) {
    const asked = told.mightHaveUnfound
      .filter((o) => o.status !== 'already probed')
      .map((o) => `osd.${o.osd} (${o.status})`);
    out.push(
      asked.length > 0
        ? `${asked.join(', ')}, who may have what is not found`
        : `a decision: ceph pg ${pgid} mark_unfound_lost revert|delete`,
    );
  }
  if (told.phase === 'active' && !isUnfound) {
    const lacking = told.members.filter((m) => m.lacks > 0 || m.isImporting);
    for (const m of lacking) out.push(`osd.${m.osd} to get ${count(m.lacks, 'object')}`);
    if (told.acting.length < told.size) {
      out.push(`${count(told.size - told.acting.length, 'more member')} in the map`);
    }
  }
  return out;
}

function membersOf({ answers, acting }: PgStory): string[] {
  const primary = answers.find((a) => a.role === 'primary');
  const known = new Map<number, MemberFacts>();
  for (const m of primary?.members ?? []) known.set(m.osd, m);
  // What a member says of itself is newer than what it once told the primary.
  for (const a of answers)
    if (a.members[0]) known.set(a.osd, { ...known.get(a.osd), ...a.members[0] });
  return [...known.values()].map((m) => {
    const answer = answers.find((a) => a.osd === m.osd);
    const role = answer?.role === 'homeless' ? answer.word : answer?.role;
    const what = role ?? (acting.includes(m.osd) ? 'member' : 'was a member');
    const parts = [m.isUp ? what : `${what}, down`];
    if (m.version) parts.push(`version ${m.version}`);
    parts.push(
      m.lacks > 0 ? `lacks ${count(m.lacks, 'object')}` : m.isUp ? 'lacks nothing it knows of' : '',
    );
    if (m.sources.length > 0) {
      parts.push(
        `imports from ${m.sources.map((s) => `osd.${s.osd} (${s.state}${s.left > 0 ? `, ${s.left} left` : ''})`).join(', ')}`,
      );
    } else if (m.isImporting) parts.push('imports');
    return `osd.${m.osd}: ${parts.filter((p) => p !== '').join(', ')}`;
  });
}

function longest(answers: readonly PgFacts[]): PgFacts['past'] {
  return answers.reduce<PgFacts['past']>((a, b) => (b.past.length > a.length ? b.past : a), []);
}

function list(osds: readonly number[]): string {
  return `[${osds.join(',')}]`;
}
function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
