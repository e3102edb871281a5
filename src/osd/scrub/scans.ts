import type { Clock } from '../../runtime/index.ts';
import type { Collection } from '../../store/index.ts';
import { type HObject, type MessageOf, outgoing, type PgId } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { Requests } from '../questions.ts';
import { type ScrubbedObject, type ScrubRange, scanRange } from './scrub-map.ts';
import { MScrubMap, MScrubScan } from './scrub-messages.ts';
import type { ScrubPort } from './scrub-port.ts';

/** What scans need of their PG. */
export interface ScansScope {
  readonly host: Pick<PgHost, 'id' | 'store' | 'crc32c' | 'clock' | 'send' | 'fatal'> & {
    readonly scrub: Pick<ScrubPort, 'settings'>;
  };
  readonly state: { readonly c: Collection };
  header(): { pgid: PgId; epoch: number; since: number };
  /** Its bytes are known not to be here. */
  isMissingHere(key: string, oid: HObject): boolean;
}

/** What members have of a stretch of a PG, asked for by its primary and answered by each of them. */
export class Scans {
  private readonly scope: ScansScope;
  private readonly requests = new Requests<readonly ScrubbedObject[]>();

  constructor(scope: ScansScope) {
    this.scope = scope;
  }

  /** The interval ended: nobody is answered any more. */
  stop(): void {
    this.requests.interrupt();
  }

  /** What our own store has. Objects that are still to come are left out. */
  async own(range: ScrubRange, deep: boolean): Promise<readonly ScrubbedObject[]> {
    const { host, state } = this.scope;
    const { strideBytes, strideKeys } = host.scrub.settings;
    const on = { store: host.store, crc32c: host.crc32c, pause: () => pause(host.clock) };
    const objects = await scanRange(on, state.c, range, { deep, strideBytes, strideKeys });
    return objects.filter((o) => !this.scope.isMissingHere(oidKey(o.oid), o.oid));
  }

  /** What a member has. @throws Interrupted */
  ask(osd: number, range: ScrubRange, deep: boolean): Promise<readonly ScrubbedObject[]> {
    return this.requests.ask((number) => {
      const scan = { ...this.scope.header(), number, ...range, deep };
      this.scope.host.send(osd, outgoing(MScrubScan, scan));
    });
  }

  /** The primary asks. */
  onScan(from: number, m: MessageOf<typeof MScrubScan>): void {
    const { host } = this.scope;
    this.own({ from: m.from, to: m.to }, m.deep).then(
      (objects) => {
        const header = this.scope.header();
        if (header.since !== m.since) return;
        const map = { ...header, number: m.number, objects: [...objects] };
        host.send(from, outgoing(MScrubMap, map));
      },
      (e) => host.fatal(e),
    );
  }

  onMap(m: MessageOf<typeof MScrubMap>): void {
    this.requests.answer(m.number, m.objects);
  }
}

/** A turn of the event loop for everybody else. */
function pause(clock: Clock): Promise<void> {
  return new Promise((go) => clock.setTimer(0, go));
}

/** The stretch of exactly one object. */
export function rangeOf(oid: HObject): ScrubRange {
  return { from: oid, to: { ...oid, snap: oid.snap + 1n } };
}
