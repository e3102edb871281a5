import type { CommandReply, Decision } from './command.ts';
import type { MonContext } from './context.ts';

/** The output of a command as a data segment. */
export function outputData(reply: CommandReply): Uint8Array[] {
  if (reply.output.length === 0) return [];
  return [typeof reply.output === 'string' ? Buffer.from(reply.output, 'utf8') : reply.output];
}

/**
 * Answers once it is true: after the change is durable, and without one after all that the decision may rest on is.
 */
export function settle(mon: MonContext, d: Decision, send: (reply: CommandReply) => void): void {
  for (const [osd, message] of d.orders ?? []) {
    for (const s of mon.sessions) if (s.osd === osd) s.connection.send(message);
  }
  if (d.change) mon.propose(d.change, () => send(d.reply));
  else mon.afterAll(() => send(d.reply));
}
