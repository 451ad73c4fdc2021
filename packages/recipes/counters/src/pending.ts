/** A change that somebody waits for. */
import { type ChangeOutcome, WriteOutcomeUnknownError } from "./errors.ts";

/** A value's node as a change finds it. */
export interface Content {
  readonly data: Buffer | null;
  readonly version: number;
  readonly czxid: bigint;
}

/** What a change makes of what it finds. */
export interface Decision<T> {
  /** The new data. `undefined`: it stays as it is. */
  readonly write?: Uint8Array | null | undefined;
  /** What the caller is told, once the decision counts. */
  readonly result: (after: Content) => T;
}

/** A change to be made. */
export interface Operation<T> {
  /** Called again with newer content until its decision counts. What it throws, the caller is told. */
  decide(current: Content): Decision<T> | Promise<Decision<T>>;
  /** Whether it may be made in one write together with the next one, which then sees what this one wrote. */
  readonly joins: boolean;
}

/** One that was asked for. Its promise settles once; whatever comes later, `outcome` of the error still tells. */
export class Pending<T> {
  readonly promise: Promise<T>;
  readonly joins: boolean;
  readonly #path: string;
  readonly #operation: Operation<T>;
  readonly #signal: AbortSignal;
  readonly #outcome: Promise<ChangeOutcome<T>>;
  #state: "waiting" | "under way" | "over" = "waiting";
  #isCancelled = false;
  #onCancel: () => void = () => {};
  #decision: Decision<T> | undefined;
  #resolve: (value: T) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #tell: (outcome: ChangeOutcome<T>) => void = () => {};

  constructor(path: string, operation: Operation<T>, signal: AbortSignal) {
    this.#path = path;
    this.#operation = operation;
    this.joins = operation.joins;
    this.#signal = signal;
    this.#outcome = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Whether it is still to be made. */
  get isWaiting(): boolean {
    return this.#state === "waiting";
  }

  /** Whether there is nothing left to do about it. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Whether nobody waits for it any more, though it is under way. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Decides on `current`: what to write, if anything. `"failed"`: it could not, and is over. */
  async decide(current: Content): Promise<Uint8Array | null | undefined | "failed"> {
    try {
      this.#decision = await this.#operation.decide(current);
      return this.#decision.write;
    } catch (error) {
      this.fail(error);
      return "failed";
    }
  }

  /** An attempt begins: from now on it may happen. `onCancel` is called if nobody waits for it any more. */
  begin(onCancel: () => void): void {
    this.#state = "under way";
    this.#onCancel = onCancel;
  }

  /** The attempt has come to nothing. */
  postpone(): void {
    if (this.#isCancelled) this.#end({ kind: "not applied" });
    else this.#state = "waiting";
  }

  /** What it decided counts; `after` is what the node holds then. */
  succeed(after: Content): void {
    const decision = this.#decision;
    if (decision === undefined) throw new Error("A change was made before it was decided.");
    const result = decision.result(after);
    this.#end({ kind: "applied", result });
    this.#resolve(result);
  }

  /** It was not made and will not be. */
  fail(error: unknown): void {
    this.#end({ kind: "not applied" });
    this.#reject(error);
  }

  /** It cannot be gone on with. */
  abort(error: unknown): void {
    if (this.#state === "under way") this.lose(error);
    else this.fail(error);
  }

  /** It may have been made, and nobody will ever know. */
  lose(cause: unknown): void {
    this.#end({ kind: "unknown", cause });
    this.#reject(new WriteOutcomeUnknownError(this.#path, this.#outcome, cause));
  }

  #end(outcome: ChangeOutcome<T>): void {
    this.#state = "over";
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#tell(outcome);
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#signal;
    if (this.#state === "waiting") return this.fail(reason);
    this.#isCancelled = true;
    this.#reject(new WriteOutcomeUnknownError(this.#path, this.#outcome, reason));
    this.#onCancel();
  };
}
