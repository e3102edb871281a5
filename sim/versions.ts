import type { Done } from './linearizable.ts';

/**
 * Of what clients were told of an object: answers with a version below that of an answer that was there before they were
 * asked for.
 */
export function versionsGoneBack(history: readonly Done[]): string[] {
  const told = history.filter(isTold);
  const byCall = [...told].sort((a, b) => a.calledAt - b.calledAt);
  const byReturn = [...told].sort((a, b) => a.returnedAt - b.returnedAt);
  const out: string[] = [];
  let newest: Done | undefined;
  let next = 0;
  for (const done of byCall) {
    for (; byReturn[next] && byReturn[next]!.returnedAt < done.calledAt; next++) {
      const before = byReturn[next]!;
      if (!newest || before.version! > newest.version!) newest = before;
    }
    if (newest && done.version! < newest.version!) {
      out.push(`${done.who}: version ${done.version}, after ${newest.version} of ${newest.who}`);
    }
  }
  return out;
}

/** Of an object that is not there, what changes nothing answers with 0. */
function isTold({ version, returnedAt }: Done): boolean {
  return version !== undefined && version > 0n && returnedAt < Number.POSITIVE_INFINITY;
}

/** Numbers that must only grow, by name. */
export class OnlyGrow {
  readonly wrong: string[] = [];
  private readonly last = new Map<string, number>();

  see(name: string, value: number): void {
    const before = this.last.get(name) ?? value;
    if (value < before) this.wrong.push(`${name}: ${before} > ${value}`);
    this.last.set(name, value);
  }
}
