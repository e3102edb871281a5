import { type OSDOp, outgoing, writeOSDOp } from '../../wire/index.ts';
import { noStats, type OpOutcome } from '../ops/index.ts';
import { type HolderRead, MPgRead } from '../peer-messages.ts';
import type { MissingItem } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { Requests } from '../questions.ts';
import type { Term } from '../term.ts';
import type { Givers } from './givers.ts';

/** What reads by holders need of their PG. */
export interface HolderReadsScope {
  readonly host: Pick<PgHost, 'send'>;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** Who may hold an object that we lack, best first. */
  sources(item: MissingItem): number[];
}

/** What a holder says to a read, see MPgReadDone. */
interface ReadAnswer {
  readonly isHere: boolean;
  readonly done: HolderRead | undefined;
  readonly data: Buffer;
}

/** Reads of objects that their primary lacks, done by holders. */
export class HolderReads {
  private readonly scope: HolderReadsScope;
  private readonly term: Term;
  private readonly givers: Givers;
  private readonly asks = new Requests<ReadAnswer>();

  /** @param term ended together with {@link interrupt} */
  constructor(scope: HolderReadsScope, term: Term, givers: Givers) {
    this.scope = scope;
    this.term = term;
    this.givers = givers;
  }

  /** What is under way is rejected as Interrupted. */
  interrupt(): void {
    this.asks.interrupt();
  }

  onDone(copy: number, answer: ReadAnswer): void {
    this.asks.answer(copy, answer);
  }

  /**
   * Has the least busy holder of an object read it, in just the version that we lack.
   * @returns undefined: nobody who is up has it whole, or its import takes about as long. @throws Interrupted
   */
  async read(item: MissingItem, op: OSDOp): Promise<OpOutcome | undefined> {
    const { scope, givers } = this;
    const front = writeOSDOp(op);
    const answer = await givers.first(scope.sources(item), async (osd) => {
      const said = await this.ask(osd, item, front);
      return said.isHere ? said : undefined;
    });
    return answer?.done && outcomeOf(answer.done, answer.data);
  }

  private ask(osd: number, { oid, need }: MissingItem, op: Buffer): Promise<ReadAnswer> {
    const { host } = this.scope;
    return this.term.within(
      this.asks.ask((copy) => {
        host.send(osd, outgoing(MPgRead, { ...this.scope.header(), copy, oid, need, op }));
      }),
    );
  }
}

function outcomeOf({ lengths, numRd, numRdKb, ...said }: HolderRead, data: Buffer): OpOutcome {
  let at = 0;
  const outputs = lengths.map((length) => {
    at += length;
    return length > 0 ? data.subarray(at - length, at) : undefined;
  });
  const stats = { ...noStats(), numRd, numRdKb };
  return { ...said, kind: 'read', outputs, txn: [], info: undefined, stats };
}
