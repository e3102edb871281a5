import type { PgId } from '../../wire/index.ts';
import type { OpPriority } from '../recovery/recovery-pace.ts';
import type {
  RecoveryPort,
  Reservation,
  ReservationSide,
  ReservationWish,
} from '../recovery/recovery-port.ts';

// The RecoveryPort of a shard on another thread: its asks go to the front as posts, the front's desk answers as posts.

export type RecoveryAsk =
  | {
      readonly kind: 'reserve';
      readonly number: number;
      readonly side: ReservationSide;
      readonly pgid: PgId;
      readonly priority: number;
    }
  | { readonly kind: 'setPriority'; readonly number: number; readonly priority: number }
  | { readonly kind: 'release'; readonly number: number }
  | { readonly kind: 'askCopies'; readonly number: number; readonly of: OpPriority }
  | { readonly kind: 'cancelCopies'; readonly number: number }
  | { readonly kind: 'copyDone'; readonly of: OpPriority };

export type RecoveryAnswer =
  | { readonly kind: 'granted' | 'preempted'; readonly number: number }
  | {
      readonly kind: 'start';
      readonly number: number;
      readonly of: OpPriority;
      readonly count: number;
    };

/** The shard's end. */
export class PostedRecovery implements RecoveryPort {
  private readonly post: (ask: RecoveryAsk) => void;
  private readonly wishes = new Map<number, ReservationWish>();
  private readonly asks = new Map<number, (count: number) => void>();
  private next = 1;

  constructor(post: (ask: RecoveryAsk) => void) {
    this.post = post;
  }

  reserve(wish: ReservationWish): Reservation {
    const number = this.next++;
    const { side, pgid, priority: first } = wish;
    this.wishes.set(number, wish);
    this.post({ kind: 'reserve', number, side, pgid, priority: first });
    return {
      setPriority: (priority) => this.post({ kind: 'setPriority', number, priority }),
      release: () => {
        this.wishes.delete(number);
        this.post({ kind: 'release', number });
      },
    };
  }

  askCopies(of: OpPriority, start: (count: number) => void): { cancel(): void } {
    const number = this.next++;
    this.asks.set(number, start);
    this.post({ kind: 'askCopies', number, of });
    return {
      cancel: () => {
        if (this.asks.delete(number)) this.post({ kind: 'cancelCopies', number });
      },
    };
  }

  copyDone(of: OpPriority): void {
    this.post({ kind: 'copyDone', of });
  }

  /** The desk has answered. */
  answered(answer: RecoveryAnswer): void {
    const { number } = answer;
    if (answer.kind === 'start') {
      const start = this.asks.get(number);
      this.asks.delete(number);
      if (start) start(answer.count);
      // Leave came when it was not wanted any more.
      else for (let i = 0; i < answer.count; i++) this.copyDone(answer.of);
      return;
    }
    const wish = this.wishes.get(number);
    if (answer.kind === 'preempted') this.wishes.delete(number);
    wish?.[answer.kind]();
  }
}

/** The front's end: asks on behalf of one shard. */
export class RecoveryClerk {
  private readonly desk: RecoveryPort;
  private readonly post: (answer: RecoveryAnswer) => void;
  private readonly places = new Map<number, Reservation>();
  private readonly asks = new Map<number, { cancel(): void }>();

  constructor(desk: RecoveryPort, post: (answer: RecoveryAnswer) => void) {
    this.desk = desk;
    this.post = post;
  }

  asked(ask: RecoveryAsk): void {
    const { desk, places, asks, post } = this;
    switch (ask.kind) {
      case 'reserve': {
        const { number, side, pgid, priority } = ask;
        const granted = (): void => post({ kind: 'granted', number });
        const preempted = (): void => {
          places.delete(number);
          post({ kind: 'preempted', number });
        };
        places.set(number, desk.reserve({ side, pgid, priority, granted, preempted }));
        return;
      }
      case 'setPriority':
        return places.get(ask.number)?.setPriority(ask.priority);
      case 'release':
        places.get(ask.number)?.release();
        places.delete(ask.number);
        return;
      case 'askCopies': {
        const { number, of } = ask;
        const start = (count: number): void => {
          asks.delete(number);
          post({ kind: 'start', number, of, count });
        };
        asks.set(number, desk.askCopies(of, start));
        return;
      }
      case 'cancelCopies':
        asks.get(ask.number)?.cancel();
        asks.delete(ask.number);
        return;
      case 'copyDone':
        return desk.copyDone(ask.of);
    }
  }
}
