/** A membership that heals: lost, it is joined again, with the data that was written last. */
import { type Client, isCoordinationError } from "@corral/client";
import { type Guard, isGrantLostError, Standing, type WaitOptions } from "@corral/recipe-kit";
import { BehaviorSubject, type Observable } from "rxjs";
import type { Membership } from "./membership.ts";

/** What the standing and its memberships share. */
interface Shared<T> {
  /** What was written last. */
  data: T;
  /** The present membership, or the one before. */
  latest: Membership<T>;
}

/**
 * Being a member for as long as one wants. What is held at any moment is a `Membership` like any other: it ends when the
 * session is lost, and the next one is another, with a higher token. Made by `group.stayJoined()`.
 */
export class StandingMembership<T = unknown> implements AsyncDisposable {
  readonly #standing: Standing<Membership<T>>;
  readonly #memberships: BehaviorSubject<Membership<T> | undefined>;
  readonly #shared: Shared<T>;

  private constructor(
    standing: Standing<Membership<T>>,
    memberships: BehaviorSubject<Membership<T> | undefined>,
    shared: Shared<T>,
  ) {
    this.#standing = standing;
    this.#memberships = memberships;
    this.#shared = shared;
    if (standing.signal.aborted) this.#onEnd();
    else standing.signal.addEventListener("abort", () => this.#onEnd(), { once: true });
  }

  /** Joins for the first time. `join` is called again, with the data of that moment, whenever the membership was lost. */
  static async begin<T>(
    client: Client,
    data: T,
    join: (data: T, signal: AbortSignal) => Promise<Membership<T>>,
    signal: AbortSignal,
  ): Promise<StandingMembership<T>> {
    const first = await join(data, signal);
    const shared: Shared<T> = { data, latest: first };
    const memberships = new BehaviorSubject<Membership<T> | undefined>(first);
    let isFirst = true;
    const acquire = async (either: AbortSignal): Promise<Membership<T>> => {
      if (isFirst) return first;
      return await join(shared.data, either);
    };
    const onChange = (membership: Membership<T> | undefined): void => {
      isFirst = false;
      if (membership !== undefined) shared.latest = membership;
      memberships.next(membership);
      // Updated while it was being joined with what was the data then.
      if (membership !== undefined && membership.data !== shared.data) writeLater(client, membership, shared.data);
    };
    const standing = await Standing.begin(client, { acquire, onChange }, signal);
    return new StandingMembership(standing, memberships, shared);
  }

  /** What is held now; `undefined` while it is being joined again, and after the end. */
  get membership(): Membership<T> | undefined {
    return this.#standing.current;
  }

  /**
   * The same as a stream, the present one first. Completes after `leave()` and when the client is closed; errors when it
   * cannot be joined again, for example with MemberNameTakenError.
   */
  get membership$(): Observable<Membership<T> | undefined> {
    return this.#memberships.asObservable();
  }

  /** Aborts when it is over for good: after `leave()`, or when it cannot be joined again, with the reason. */
  get signal(): AbortSignal {
    return this.#standing.signal;
  }

  /** What the others see, or will see when it has been joined again. */
  get data(): T {
    return this.#shared.data;
  }

  /** The condition that makes a transaction fail unless the present membership still holds. */
  guard(): Guard {
    return this.#shared.latest.guard();
  }

  /** @throws GrantLostError unless there is a membership that holds now. */
  throwIfLost(): void {
    this.#shared.latest.throwIfLost();
  }

  /** Replaces the data, now if it is joined, otherwise with the next joining. */
  async update(data: T, wait: WaitOptions = {}): Promise<void> {
    this.signal.throwIfAborted();
    this.#shared.data = data;
    try {
      await this.membership?.update(data, wait);
    } catch (error) {
      // Lost on the way: the next joining takes the data along.
      if (!isGrantLostError(error) || this.signal.aborted) throw error;
    }
  }

  /** Leaves the group and joins no more. Idempotent. */
  leave(): Promise<void> {
    return this.#standing.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  #onEnd(): void {
    const { reason } = this.#standing.signal;
    const isLeft = reason instanceof DOMException && reason.name === "AbortError";
    if (isLeft || isCoordinationError(reason, "ClientClosed")) this.#memberships.complete();
    else this.#memberships.error(reason);
  }
}

function writeLater<T>(client: Client, membership: Membership<T>, data: T): void {
  membership.update(data).catch((err: unknown) => {
    if (!isGrantLostError(err)) client.logger.warn({ err, path: membership.memberPath }, "an update failed");
  });
}
