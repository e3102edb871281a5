import { parseSpan } from '../../config/index.ts';
import type { CommandArgs } from '../args.ts';
import type { Change } from '../change.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { CHOSEN_BYTES_MAX } from '../keys.ts';
import type { HealthMute, MonState } from '../state.ts';
import { healthChecks } from '../views/health.ts';

function mute(state: MonState, args: CommandArgs) {
  const code = args.text('code') ?? '';
  const sticky = args.flag('sticky');
  const ttl = args.text('ttl');
  const span = ttl === undefined ? undefined : parseSpan(ttl);
  if (span && 'error' in span) return unchanged(refuse('EINVAL', `not a valid duration: ${ttl}`));
  const raised = healthChecks(state).find((c) => c.code === code);
  if (!raised && !sticky) {
    return unchanged(refuse('ENOENT', `health alert ${code} is not currently raised`));
  }
  if (Buffer.byteLength(code) > CHOSEN_BYTES_MAX) {
    return unchanged(refuse('ENAMETOOLONG', `a code has at most ${CHOSEN_BYTES_MAX} bytes`));
  }
  const entry: HealthMute = {
    code,
    expiresMs: span && state.nowMs + span.ok * 1000,
    sticky,
    summary: raised?.summary ?? '',
    count: raised?.count ?? 0,
  };
  return changed(ok(), { healthMutes: [{ code, mute: entry }] });
}

function unmute(state: MonState, args: CommandArgs) {
  const code = args.text('code');
  const codes = code === undefined ? [...state.healthMutes.keys()] : [code];
  const known = codes.filter((c) => state.healthMutes.has(c));
  if (known.length === 0) return unchanged(ok());
  return changed(ok(), { healthMutes: known.map((c) => ({ code: c, mute: undefined })) });
}

/** Mutes that are over: their time is up, or what they silence healed or grew worse and they are not sticky. */
export function expiredMutes(state: MonState): Change['healthMutes'] {
  if (state.healthMutes.size === 0) return [];
  const raised = new Map(healthChecks(state).map((c) => [c.code, c]));
  const isOver = (m: HealthMute): boolean => {
    if (m.expiresMs !== undefined && m.expiresMs <= state.nowMs) return true;
    const check = raised.get(m.code);
    return !m.sticky && (check === undefined || check.count > m.count);
  };
  return [...state.healthMutes.values()]
    .filter(isOver)
    .map(({ code }) => ({ code, mute: undefined }));
}

export const healthMuteCommands: CommandSpec[] = [
  {
    module: 'mon',
    perm: 'w',
    sig: 'health mute name=code,type=CephString name=ttl,type=CephString,req=false name=sticky,type=CephBool,req=false',
    help: 'Leave a health code out of the verdict.',
    decide: mute,
  },
  {
    module: 'mon',
    perm: 'w',
    sig: 'health unmute name=code,type=CephString,req=false',
    help: 'Count a health code again, or all of them.',
    decide: unmute,
  },
];
