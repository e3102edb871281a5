import type { Blocklist } from '../../maps/index.ts';
import {
  ADDR,
  type EntityAddr,
  formatLegacyAddr,
  msOfUtime,
  sameAddr,
  stamp,
  utimeOfMs,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** `1.2.3.4:0/5`; without port and nonce the whole host is meant. Entries carry the address type `any`. */
function parseAddr(text: string): EntityAddr {
  const m =
    /^(?:v1:|v2:|any:)?(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?(?:\/(\d{1,10}))?$/.exec(
      text,
    );
  const host = m?.[1]?.replace(/^\[|\]$/g, '');
  if (
    !m ||
    host === undefined ||
    (host.includes('.') && host.split('.').some((b) => Number(b) > 255))
  ) {
    throw new CommandFailure('EINVAL', `unable to parse address ${text}`);
  }
  return { type: ADDR.any, host, port: Number(m[2] ?? 0), nonce: Number(m[3] ?? 0) };
}

function change(state: MonState, args: CommandArgs) {
  const addr = parseAddr(args.text('addr') ?? '');
  const shown = formatLegacyAddr(addr);
  const known = state.osdmap.data.blocklist.find(([a]) => sameAddr(a, addr));
  if (args.text('blocklistop') === 'rm' || args.text('blacklistop') === 'rm') {
    if (!known) return unchanged(ok('', `${shown} isn't blocklisted`));
    return changed(ok('', `un-blocklisting ${shown}`), { osdmap: { oldBlocklist: [known[0]] } });
  }
  const seconds = args.number('expire') || Number(state.option('mon_osd_blocklist_default_expire'));
  const until = utimeOfMs(state.nowMs + seconds * 1000);
  const text = `blocklisting ${shown} until ${stamp(until)} (${seconds} sec)`;
  return changed(ok('', text), { osdmap: { newBlocklist: [[addr, until]] } });
}

function clear(state: MonState) {
  const { blocklist } = state.osdmap.data;
  const reply = ok('', ' removed all blocklist entries');
  if (blocklist.length === 0) return unchanged(reply);
  return changed(reply, { osdmap: { oldBlocklist: blocklist.map(([a]) => a) } });
}

/** Entries whose time is over. */
export function expiredBlocklist(state: MonState): EntityAddr[] {
  const entries: Blocklist = state.osdmap.data.blocklist;
  return entries.filter(([, until]) => msOfUtime(until) <= state.nowMs).map(([addr]) => addr);
}

const base = { module: 'osd', perm: 'rw' } as const;
const addr = 'name=addr,type=CephEntityAddr name=expire,type=CephFloat,range=0.0,req=false';

export const blocklistCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd blocklist name=blocklistop,type=CephChoices,strings=add|rm ${addr}`,
    help: 'Refuse a client by its address, or let it in again.',
    decide: change,
  },
  { ...base, sig: 'osd blocklist clear', help: 'Let every client in again.', decide: clear },
];
