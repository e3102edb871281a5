import type { Runtime } from '../runtime/index.ts';
import type { Balancer } from './balancer/balancer.ts';
import type { Change, LogLine } from './change.ts';
import type { ClusterLog } from './cluster-log.ts';
import type { CommandTable } from './dispatch.ts';
import type { Ledger } from './ledger.ts';
import type { LiveState } from './live-state.ts';
import type { MapsFeed } from './maps-feed.ts';
import type { OsdLife } from './osd-life.ts';
import type { PgMap } from './pg-map.ts';
import type { Progress } from './progress.ts';
import type { OsdWishes } from './services/osd-wishes.ts';
import type { Session } from './session.ts';
import type { MgrInfo, MonState } from './state.ts';

/** What the handlers of messages share: the parts of one running monitor. */
export interface MonContext {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly live: LiveState;
  readonly feed: MapsFeed;
  readonly pgMap: PgMap;
  readonly clusterLog: ClusterLog;
  readonly commands: CommandTable;
  /** Commands to this daemon itself. */
  readonly tell: CommandTable;
  /** Commands to the manager by name: its own and all others. */
  readonly mgrTell: CommandTable;
  readonly osdLife: OsdLife;
  /** What OSDs ask of the next epoch. */
  readonly wishes: OsdWishes;
  readonly balancer: Balancer;
  readonly progress: Progress;
  readonly mgr: MgrInfo;
  readonly sessions: ReadonlySet<Session>;
  /** The durable state, for answers. */
  state(): MonState;
  /** The state with changes under way, for decisions. */
  head(): MonState;
  /** Numbers a change; `then` runs once it is durable. A failure of the store stops the monitor. */
  propose(change: Change, then?: () => void): void;
  /** Forgets OSDMap epochs below `floor`. */
  trim(floor: number): void;
  /** Appends to the cluster log and tells its listeners; nothing of it is stored. */
  writeLog(lines: readonly LogLine[]): void;
  /** Runs `then` once all that was proposed is durable. */
  afterAll(then: () => void): void;
}
