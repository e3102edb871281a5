import type { ScrubPlace } from './scrub-port.ts';

/** Where the PGs of an OSD get places for scrubs, whichever shard they are on. */
export interface ScrubPlaceGiver {
  /** @param then hears once, never from inside of this, whether it is given */
  take(then: (isGiven: boolean) => void): ScrubPlace;
}

/** The places of an OSD: no more than the bound at a time, and nobody waits for one. */
export class ScrubPlaces implements ScrubPlaceGiver {
  private readonly most: () => number;
  private taken = 0;

  /** @param most osd_max_scrubs, as it is now */
  constructor(most: () => number) {
    this.most = most;
  }

  take(then: (isGiven: boolean) => void): ScrubPlace {
    let isOpen = true;
    const isGiven = this.taken < this.most();
    if (isGiven) this.taken++;
    queueMicrotask(() => {
      if (isOpen) then(isGiven);
    });
    return {
      release: () => {
        if (isOpen && isGiven) this.taken--;
        isOpen = false;
      },
    };
  }
}

// A shard on another thread asks by posts.

export interface ScrubAsk {
  readonly number: number;
  readonly isWanted: boolean;
}
export interface ScrubAnswer {
  readonly number: number;
  readonly isGiven: boolean;
}

/** The shard's end. */
export class PostedScrubPlaces implements ScrubPlaceGiver {
  private readonly post: (ask: ScrubAsk) => void;
  private readonly asked = new Map<number, (isGiven: boolean) => void>();
  private next = 1;

  constructor(post: (ask: ScrubAsk) => void) {
    this.post = post;
  }

  take(then: (isGiven: boolean) => void): ScrubPlace {
    const number = this.next++;
    let isOpen = true;
    this.asked.set(number, then);
    this.post({ number, isWanted: true });
    return {
      release: () => {
        if (isOpen) this.post({ number, isWanted: false });
        isOpen = false;
        this.asked.delete(number);
      },
    };
  }

  answered({ number, isGiven }: ScrubAnswer): void {
    const then = this.asked.get(number);
    this.asked.delete(number);
    then?.(isGiven);
  }
}

/** The front's end, for one shard. */
export class ScrubClerk {
  private readonly places: ScrubPlaceGiver;
  private readonly post: (answer: ScrubAnswer) => void;
  private readonly held = new Map<number, ScrubPlace>();

  constructor(places: ScrubPlaceGiver, post: (answer: ScrubAnswer) => void) {
    this.places = places;
    this.post = post;
  }

  asked({ number, isWanted }: ScrubAsk): void {
    if (isWanted) {
      const place = this.places.take((isGiven) => this.post({ number, isGiven }));
      this.held.set(number, place);
      return;
    }
    this.held.get(number)?.release();
    this.held.delete(number);
  }
}
