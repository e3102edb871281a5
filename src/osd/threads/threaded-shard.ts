import { assert, DecodeError } from '../../errors/index.ts';
import { OSDMap } from '../../maps/index.ts';
import type { OutgoingMessage } from '../../msgr/index.ts';
import type {
  BufferPool,
  Clock,
  Logger,
  ProcessMemory,
  ShardEvents,
  ShardLink,
} from '../../runtime/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { EntityAddr, EntityName } from '../../wire/index.ts';
import { MapFollower, type MapSharing } from '../map-follower.ts';
import type { Partition } from '../partition.ts';
import type { Lease } from '../peer-messages.ts';
import type { Requester } from '../requests/client-ops.ts';
import { PostedScrubPlaces } from '../scrub/scrub-places.ts';
import type { Settings } from '../settings.ts';
import { Shard } from '../shard/shard.ts';
import type { ShardFront } from '../shard-front.ts';
import { openSuperblock, type Superblock } from '../superblock.ts';
import { type InHead, MessagePosts, outBytes } from './message-posts.ts';
import { callPosted, posted } from './posted-calls.ts';
import { PostedRecovery } from './recovery-posts.ts';
import { postedError, type ToFront, type ToShard } from './shard-posts.ts';

/** What the thread of a shard has. */
export interface ThreadedShardOptions {
  readonly partition: Partition;
  /** The OSD's number, the cluster, and the name of the OSD's data. */
  readonly id: number;
  readonly fsid: string;
  readonly uuid: string;
  /** Opens the shard's own store. */
  openStore(log: Logger): Promise<ObjectStore>;
  /** Its monotonic time is that of the front. */
  readonly clock: Clock;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Its memory can be shared with the front's thread. */
  readonly pool: BufferPool;
  /** The process, of which each thread looks for its own garbage. */
  readonly memory?: ProcessMemory;
}

/**
 * Runs a shard of an OSD on this thread, for a front that is at the other end of the link.
 * @param link as the other end's posts come in, they go to the events given
 */
export async function runShard(
  options: ThreadedShardOptions,
  link: (events: ShardEvents) => ShardLink,
): Promise<void> {
  const { fsid, uuid, id, partition } = options;
  let shard: ThreadedShard | undefined;
  const early: [ToShard, readonly Buffer[]][] = [];
  const end = link({
    onPost: (head, bytes) => {
      if (shard) shard.onPost(head as ToShard, bytes);
      else early.push([head as ToShard, bytes]);
    },
    // The main thread does not end before its threads.
    onEnd: () => {},
  });
  const post: Post = (head, bytes) => end.post(head, bytes);
  const log: Logger = (level, message, fields) => post({ kind: 'log', level, message, fields });
  let store: ObjectStore | undefined;
  try {
    store = await options.openStore(log);
    const superblock = await openSuperblock(store, { fsid, uuid, id, partition });
    shard = new ThreadedShard({ ...options, store, superblock, log, post });
    for (const [head, bytes] of early.splice(0)) shard.onPost(head, bytes);
  } catch (e) {
    await store?.close();
    post({ kind: 'fatal', error: postedError(e) });
  }
}

type Post = (head: ToFront, bytes?: readonly Uint8Array[]) => void;

interface OpenedShardOptions extends ThreadedShardOptions {
  readonly store: ObjectStore;
  readonly superblock: Superblock;
  readonly log: Logger;
  readonly post: Post;
}

/** A session of the front's, as far as requests need it. */
class RemoteSession implements Requester {
  readonly number: number;
  readonly peer: EntityName;
  readonly peerAddrs: readonly EntityAddr[];
  session: unknown;
  private readonly shard: ThreadedShard;

  constructor(
    shard: ThreadedShard,
    number: number,
    peer: EntityName,
    peerAddrs: readonly EntityAddr[],
  ) {
    this.shard = shard;
    this.number = number;
    this.peer = peer;
    this.peerAddrs = peerAddrs;
  }
  send(message: OutgoingMessage): void {
    this.shard.reply(this.number, message);
  }
  close(): void {
    this.shard.cut(this.number);
  }
}

/** A shard's surroundings on a thread of its own: turns posts into calls, and calls into posts. */
class ThreadedShard implements ShardFront {
  private readonly options: OpenedShardOptions;
  private readonly post: Post;
  private shard: Shard | undefined;
  private follower: MapFollower | undefined;
  private readonly sessions = new Map<number, RemoteSession>();
  private readonly messages = new MessagePosts((returned) => this.post(returned));
  readonly recovery = new PostedRecovery((ask) => this.post({ kind: 'recovery', ask }));
  readonly scrubPlaces = new PostedScrubPlaces((ask) => this.post({ kind: 'scrubPlace', ask }));
  readonly wantMap = posted<ShardFront, 'wantMap'>('wantMap', (call) => this.post(call));
  readonly askMon = posted<ShardFront, 'askMon'>('askMon', (call) => this.post(call));
  readonly clusterLog = posted<ShardFront, 'clusterLog'>('clusterLog', (call) => this.post(call));
  private readonly questions = new Map<number, (leaseMs: number) => void>();
  private nextQuestion = 1;
  private hasSaidStats = false;

  constructor(options: OpenedShardOptions) {
    this.options = options;
    this.post = options.post;
  }

  // What the shard says.

  send(osd: number, message: OutgoingMessage): void {
    this.post({ kind: 'send', osd, m: this.messages.outHead(message) }, outBytes(message));
  }
  reply(session: number, message: OutgoingMessage): void {
    const m = this.messages.outHead(message);
    this.post({ kind: 'reply', session, m }, outBytes(message));
  }
  cut(session: number): void {
    this.post({ kind: 'cut', session });
  }
  shareMaps(by: Requester, epoch: number): void {
    // Each request of a client that lags says so again, until it has the map.
    if (typeof by.session === 'number' && by.session >= this.shard!.epoch) return;
    by.session = this.shard!.epoch;
    if (by instanceof RemoteSession) {
      this.post({ kind: 'shareMaps', session: by.number, epoch });
    }
  }
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void {
    const question = this.nextQuestion++;
    this.questions.set(question, then);
    this.post({ kind: 'standBy', question, osd, lease });
  }
  statsChanged(): void {
    // Said once for each report.
    if (!this.hasSaidStats) this.post({ kind: 'call', name: 'statsChanged', args: [] });
    this.hasSaidStats = true;
  }
  stateChanged(): void {
    this.postState();
  }
  fatal(error: unknown): void {
    this.shard?.halt();
    this.post({ kind: 'fatal', error: postedError(error) });
  }

  private postState(): void {
    const { durableEpoch, pgCount, neighbours } = this.shard!;
    this.post({ kind: 'state', state: { durableEpoch, pgCount, neighbours } });
  }

  // What the front says.

  onPost(head: ToShard, bytes: readonly Buffer[]): void {
    try {
      this.handle(head, bytes);
    } catch (e) {
      this.fatal(e);
    }
  }

  private handle(head: ToShard, bytes: readonly Buffer[]): void {
    if (head.kind === 'open') {
      this.open(head.settings);
      return;
    }
    const { shard } = this;
    assert(shard !== undefined, 'a shard is opened first');
    switch (head.kind) {
      case 'begin':
        return this.begin(shard, head.addr, head.sharing, bytes[0]);
      case 'map':
        return this.follower!.receive(head.from, head.message);
      case 'session': {
        const { session, peer, peerAddrs } = head;
        this.sessions.set(session, new RemoteSession(this, session, peer, peerAddrs));
        return;
      }
      case 'request':
        return this.request(shard, head.session, head.m, bytes);
      case 'forget': {
        const by = this.sessions.get(head.session);
        this.sessions.delete(head.session);
        if (by) shard.forget(by);
        return;
      }
      case 'peerMessage':
        return this.sane(() => shard.peerMessage(head.from, this.messages.incoming(head.m, bytes)));
      case 'acked':
        return shard.acked(head.from, head.acks);
      case 'copyReply':
        return this.sane(() => shard.copyReply(this.messages.incoming(head.m, bytes)));
      case 'call':
        return callPosted(shard, head);
      case 'stoodBy': {
        const then = this.questions.get(head.question);
        this.questions.delete(head.question);
        return then?.(head.leaseMs);
      }
      case 'recovery':
        return this.recovery.answered(head.answer);
      case 'scrubPlace':
        return this.scrubPlaces.answered(head.answer);
      case 'ask':
        return this.answer(shard, head);
      case 'returned':
        return this.messages.returned(head);
    }
  }

  private open(settings: Settings): void {
    this.shard = new Shard({ ...this.options, settings, front: this });
    this.postState();
  }

  private request(shard: Shard, session: number, head: InHead, bytes: readonly Buffer[]): void {
    const m = this.messages.incoming(head, bytes);
    const by = this.sessions.get(session);
    if (!by) {
      m.release();
      return;
    }
    try {
      shard.request(by, m);
    } catch (e) {
      if (!(e instanceof DecodeError)) throw e;
      m.release();
      by.close();
    }
  }

  /** Its session is past it; whoever sent it peers again. */
  private sane(handle: () => void): void {
    try {
      handle();
    } catch (e) {
      if (!(e instanceof DecodeError)) throw e;
      this.post({
        kind: 'log',
        level: 'warn',
        message: 'malformed message of a peer',
        fields: { error: e.message },
      });
    }
  }

  private begin(
    shard: Shard,
    addr: EntityAddr,
    sharing: MapSharing,
    base: Buffer | undefined,
  ): void {
    const { partition, crc32c } = this.options;
    shard.begin(addr);
    const current = base && OSDMap.decode(base, crc32c);
    if (current) shard.advance(current, undefined);
    this.follower = new MapFollower({
      partition,
      sharing,
      current,
      crc32c,
      send: (to, message) => this.post({ kind: 'map', to, message }),
      onMap: (map, previous) => shard.advance(map, previous),
      afterMaps: () => {
        void shard.commitMaps([]).then(() => this.postState());
        this.postState();
      },
      fatal: (e) => this.fatal(e),
    });
  }

  private answer(shard: Shard, { question, what, pgid }: Extract<ToShard, { kind: 'ask' }>): void {
    const post = (value: unknown): void => this.post({ kind: 'answer', question, value });
    if (what === 'stop' || what === 'close') {
      shard[what]().then(
        () => post(undefined),
        (e) => this.fatal(e),
      );
      return;
    }
    if (what === 'report') this.hasSaidStats = false;
    Promise.resolve(shard.ask(what, pgid)).then(post, (e) => this.fatal(e));
  }
}
