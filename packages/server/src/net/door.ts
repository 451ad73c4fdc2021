/**
 * Holds those who come to a port before anybody is let in. So a port can be had, or not, before a server does what a failed start
 * should not leave behind.
 */
import type { ByteStream, Listener } from "@corral/io";

/** A door that is shut at first; see the head of this file. */
export class Door {
  readonly #mostWaiting: number;
  /** Lets in those who wait; undefined when the door is open. */
  #waiting: { readonly stream: ByteStream; readonly letIn: () => void }[] | undefined = [];

  /** `mostWaiting`: beyond so many the first is turned away, who has given up most likely. */
  constructor(mostWaiting: number) {
    this.#mostWaiting = mostWaiting;
  }

  /** The same listener, behind this door. */
  before(listener: Listener): Listener {
    return {
      listen: (address, onStream) =>
        listener.listen(address, (stream) => {
          if (this.#waiting === undefined) return onStream(stream);
          this.#waiting.push({ stream, letIn: () => onStream(stream) });
          if (this.#waiting.length > this.#mostWaiting) this.#waiting.shift()?.stream.destroy();
        }),
    };
  }

  /** Lets in who waits, in the order in which they came, and everybody else from now on. */
  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const { letIn } of waiting) letIn();
  }

  /** Turns away who waits: nobody will be let in. */
  turnAway(): void {
    for (const { stream } of this.#waiting?.splice(0) ?? []) stream.destroy();
  }
}
