/** A membership that heals: lost, it is joined again, with the data that was written last. */
import type { Client } from "@corral/client";
import { isGrantLostError, Standing, type WaitOptions } from "@corral/recipe-kit";
import { BehaviorSubject, type Observable } from "rxjs";
import type { Membership } from "./membership.ts";

/**
 * Being a member for as long as one wants. What is held at any moment is a `Membership` like any other: it ends when the
 * session is lost, and the next one is another, with a higher token. Made by `group.stayJoined()`.
 */
export class StandingMembership<T = unknown> implements AsyncDisposable {
  readonly #memberships = new BehaviorSubject<Membership<T> | undefined>(undefined);
  #standing: Standing<Membership<T>> | undefined;
  #data: T;

  private constructor(data: T) {
    this.#data = data;
  }

  /** Joins for the first time. `join` is called again, with the data of that moment, whenever the membership was lost. */
  static async begin<T>(
    client: Client,
    data: T,
    join: (data: T, signal: AbortSignal) => Promise<Membership<T>>,
    signal: AbortSignal,
  ): Promise<StandingMembership<T>> {
    const made = new StandingMembership(data);
    const standing = await Standing.begin(
      client,
      {
        acquire: (either) => join(made.#data, either),
        onChange: (membership) => made.#onChange(client, membership),
      },
      signal,
    );
    made.#standing = standing;
    const onEnd = (): void => made.#onEnd(standing.signal.reason);
    if (standing.signal.aborted) onEnd();
    else standing.signal.addEventListener("abort", onEnd, { once: true });
    return made;
  }

  /** What is held now; `undefined` while it is being joined again, and after the end. */
  get membership(): Membership<T> | undefined {
    return this.#standing?.current;
  }

  /**
   * The same as a stream, the present one first. Completes after `leave()`; errors when it cannot be joined again, for
   * example with MemberNameTakenError.
   */
  get membership$(): Observable<Membership<T> | undefined> {
    return this.#memberships.asObservable();
  }

  /** Aborts when it is over for good: after `leave()`, or when it cannot be joined again, with the reason. */
  get signal(): AbortSignal {
    return (this.#standing as Standing<Membership<T>>).signal;
  }

  /** What the others see, or will see when it has been joined again. */
  get data(): T {
    return this.#data;
  }

  /** Replaces the data, now if it is joined, otherwise with the next joining. */
  async update(data: T, wait: WaitOptions = {}): Promise<void> {
    this.signal.throwIfAborted();
    this.#data = data;
    try {
      await this.membership?.update(data, wait);
    } catch (error) {
      // Lost on the way: the next joining takes the data along.
      if (!isGrantLostError(error) || this.signal.aborted) throw error;
    }
  }

  /** Leaves the group and joins no more. Idempotent. */
  async leave(): Promise<void> {
    await this.#standing?.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  #onChange(client: Client, membership: Membership<T> | undefined): void {
    this.#memberships.next(membership);
    if (membership === undefined || membership.data === this.#data) return;
    // Updated while it was being joined with what was the data then.
    membership.update(this.#data).catch((err: unknown) => {
      if (!isGrantLostError(err)) client.logger.warn({ err, path: membership.memberPath }, "an update failed");
    });
  }

  #onEnd(reason: unknown): void {
    const isLeft = reason instanceof DOMException && reason.name === "AbortError";
    if (isLeft) this.#memberships.complete();
    else this.#memberships.error(reason);
  }
}
