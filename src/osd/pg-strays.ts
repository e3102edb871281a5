import { outgoing } from '../wire/index.ts';
import { MPgRemove } from './peer-messages.ts';
import type { Peering } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import { isBlank } from './pg-info.ts';
import type { PgState } from './pg-state.ts';

/** What the list of strays needs of its PG. */
export interface StraysScope {
  readonly host: PgHost;
  readonly view: { readonly up: readonly number[]; readonly acting: readonly number[] };
  readonly peering: Pick<Peering, 'infos'>;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
}

/** Holders of the PG outside its acting set, as its primary knows them. */
export class Strays {
  private readonly scope: StraysScope;
  private readonly osds = new Set<number>();

  constructor(scope: StraysScope) {
    this.scope = scope;
  }

  /** One that is not a member has spoken up. */
  note(osd: number): void {
    if (!this.scope.view.acting.includes(osd)) this.osds.add(osd);
  }

  clear(): void {
    this.osds.clear();
  }

  /** All members have everything: the others' copies are of no use any more. */
  remove(): void {
    const { host, view, peering } = this.scope;
    for (const [osd, info] of peering.infos) if (!isBlank(info)) this.note(osd);
    for (const osd of this.osds) {
      if (!view.up.includes(osd)) host.send(osd, outgoing(MPgRemove, this.scope.header()));
    }
    this.osds.clear();
  }
}
