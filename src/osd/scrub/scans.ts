import type { Clock } from '../../runtime/index.ts';
import type { Collection } from '../../store/index.ts';
import { type HObject, type MessageOf, outgoing, type PgId } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { Requests } from '../questions.ts';
import { type Scanned, type ScrubRange, scanRange } from './scrub-map.ts';
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

/** How a stretch is to be looked at. */
export interface ScanOrder {
  /** Also at data and omap. */
  readonly deep: boolean;
  /** So many objects at most. */
  readonly most: number;
  /** A part of a scrub: the one before it is not wanted any more. */
  readonly isPart: boolean;
}
/** A single object, whoever scrubs meanwhile. */
export const CLOSE_LOOK: ScanOrder = { deep: true, most: 1, isPart: false };

/** What members have of a stretch of a PG, asked for by its primary and answered by each of them. */
export class Scans {
  private readonly scope: ScansScope;
  private readonly requests = new Requests<Scanned>();
  /** Counts the parts of scrubs that were looked at here: only the last is wanted. */
  private part = 0;

  constructor(scope: ScansScope) {
    this.scope = scope;
  }

  /** The interval ended: nobody is answered any more. */
  stop(): void {
    this.requests.interrupt();
    this.part++;
  }

  /** A session was reset: what was asked over it may never have come. */
  sendAgain(osd: number): void {
    this.requests.sendAgain(osd);
  }

  /** What our own store has. Objects that are still to come are left out. @returns undefined: not wanted any more */
  async own(range: ScrubRange, how: ScanOrder): Promise<Scanned | undefined> {
    const { host, state } = this.scope;
    const { deep, most, isPart } = how;
    const { strideBytes, strideKeys } = host.scrub.settings;
    const part = isPart ? ++this.part : undefined;
    const scans = this;
    const on = {
      store: host.store,
      crc32c: host.crc32c,
      pause: () => pause(host.clock),
      get isWanted() {
        return part === undefined || part === scans.part;
      },
    };
    const seen = await scanRange(on, state.c, range, { deep, strideBytes, strideKeys }, most);
    if (!seen) return undefined;
    const { objects, to } = seen;
    return { objects: objects.filter((o) => !this.scope.isMissingHere(oidKey(o.oid), o.oid)), to };
  }

  /** What a member has. @throws Interrupted */
  ask(osd: number, range: ScrubRange, how: ScanOrder): Promise<Scanned> {
    return this.requests.ask((number) => {
      const scan = { ...this.scope.header(), number, ...range, ...how };
      this.scope.host.send(osd, outgoing(MScrubScan, scan));
    }, osd);
  }

  /** The primary asks. */
  onScan(from: number, m: MessageOf<typeof MScrubScan>): void {
    const { host } = this.scope;
    this.own({ from: m.from, to: m.to }, m).then(
      (seen) => {
        const header = this.scope.header();
        if (!seen || header.since !== m.since) return;
        const map = { ...header, number: m.number, objects: [...seen.objects], to: seen.to };
        host.send(from, outgoing(MScrubMap, map));
      },
      (e) => host.fatal(e),
    );
  }

  onMap(m: MessageOf<typeof MScrubMap>): void {
    this.requests.answer(m.number, m);
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
