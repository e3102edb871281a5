interface Question<A> {
  readonly to: number | undefined;
  send(number: number): void;
  resolve(a: A): void;
  reject(e: Error): void;
}

/** Questions to peers whose answers carry a number. Those of an interval that ended are never answered. */
export class Requests<A> {
  private next = 1;
  private readonly open = new Map<number, Question<A>>();

  /**
   * @param to whom, for {@link sendAgain}
   * @throws Interrupted when the interval ends first
   */
  ask(send: (number: number) => void, to?: number): Promise<A> {
    const number = this.next++;
    return new Promise((resolve, reject) => {
      this.open.set(number, { to, send, resolve, reject });
      send(number);
    });
  }

  /** The session with a peer forgot what was on its way: what it has not answered it may never have seen. */
  sendAgain(to: number): void {
    for (const [number, q] of this.open) if (q.to === to) q.send(number);
  }

  answer(number: number, a: A): void {
    const waiting = this.open.get(number);
    this.open.delete(number);
    waiting?.resolve(a);
  }

  interrupt(): void {
    const all = [...this.open.values()];
    this.open.clear();
    for (const w of all) w.reject(new Interrupted());
  }
}

/** The interval in which something was going on has ended. */
export class Interrupted extends Error {
  constructor() {
    super('the interval ended');
    this.name = 'Interrupted';
  }
}
