/** What is done when the other side has no more use for something, by the number under which it knows it. */
export class Lent {
  private next = 1;
  private readonly open = new Map<number, () => void>();

  /** @returns the number under which it is given back */
  lend(back: () => void): number {
    const number = this.next++;
    this.open.set(number, back);
    return number;
  }

  /** The other side is done with it. */
  giveBack(number: number): void {
    const back = this.open.get(number);
    this.open.delete(number);
    back?.();
  }

  /** The other side has lost sight of it: it may still lie somewhere, so it is only forgotten here. */
  lost(number: number): void {
    this.open.delete(number);
  }
}

/**
 * What was lent by another thread. Who forgets to give something back leaves it to the collector of garbage, which then
 * says so to the other thread: else it would be kept there for ever.
 */
export class Borrowed {
  private readonly tell: (number: number, isLost: boolean) => void;
  private readonly collected = new FinalizationRegistry<number>((number) =>
    this.tell(number, true),
  );

  constructor(tell: (number: number, isLost: boolean) => void) {
    this.tell = tell;
  }

  /** @param holder while it lives, the thing may still be in use. @returns gives it back, once */
  take(number: number, holder: object): () => void {
    this.collected.register(holder, number, holder);
    const ref = new WeakRef(holder);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const alive = ref.deref();
      if (alive) this.collected.unregister(alive);
      this.tell(number, false);
    };
  }
}
