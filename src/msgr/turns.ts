/** Something with queued frames. */
export interface Flushable {
  /** Waits for the end of the turn. */
  dirty: boolean;
  readonly dead: boolean;
  flush(): void;
}

/**
 * Gathers what is queued while one chunk of input is worked off, so that it leaves in one write; and runs what must not
 * run inside the caller's call. A turn ends with the microtasks of the event that began it.
 */
export class Turns {
  private links: Flushable[] = [];
  private acts: (() => void)[] = [];
  private scheduled = false;

  flushLater(link: Flushable): void {
    if (link.dirty) return;
    link.dirty = true;
    this.links.push(link);
    this.schedule();
  }

  defer(act: () => void): void {
    this.acts.push(act);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(this.end);
  }

  private readonly end = (): void => {
    this.scheduled = false;
    const links = this.links;
    this.links = [];
    for (const link of links) {
      link.dirty = false;
      if (!link.dead) link.flush();
    }
    if (this.acts.length === 0) return;
    const acts = this.acts;
    this.acts = [];
    for (const act of acts) act();
  };
}
