/** So many at a time, the others in the order in which they came. */

/** Lets in at most `room` at a time. */
export class Gate {
  #room: number;
  #waiting: (() => void)[] = [];
  #next = 0;
  #isLettingIn = false;

  constructor(room: number) {
    this.#room = room;
  }

  /** Calls `enter` as soon as there is room: now, or when others have left. Whoever enters leaves once. */
  enter(enter: () => void): void {
    this.#waiting.push(enter);
    this.#letIn();
  }

  /** Makes room for the next. */
  leave(): void {
    this.#room++;
    this.#letIn();
  }

  /** In a loop, for many may leave at once, each as soon as it has entered. */
  #letIn(): void {
    if (this.#isLettingIn) return;
    this.#isLettingIn = true;
    try {
      for (
        let next = this.#waiting[this.#next];
        next !== undefined && this.#room > 0;
        next = this.#waiting[this.#next]
      ) {
        this.#room--;
        this.#next++;
        next();
      }
    } finally {
      this.#isLettingIn = false;
    }
    if (this.#next < this.#waiting.length) return;
    this.#waiting = [];
    this.#next = 0;
  }
}
