/**
 * A task that was submitted, by name. A handle holds no connection state: what it waits for survives reconnects and
 * lost sessions, and `JSON.stringify(handle)` can be taken up by another process with `TaskClient.handle()`.
 */
import { type Client, insist, isCoordinationError, isInterruption } from "@corral/client";
import { hex, type Layout } from "../core/layout.ts";
import { decodeStatus, decodeValue, encodeStatus, failureOf, type TaskFailure } from "../core/payloads.ts";
import {
  ResultTakenError,
  ResultTimeoutError,
  TaskFailedError,
  TaskStoppedError,
  UnreadableNodeError,
} from "./errors.ts";
import { onAbort } from "./flow.ts";
import { isOutdated } from "./guarded.ts";
import { locate, type TaskLocation } from "./locate.ts";

/** How a task ended. */
export type TaskOutcome = {
  /** The attempt that ended it; 0 if none was made. */
  readonly attempt: number;
  /** The worker that ran it, or the master or client that put an end to it. */
  readonly by: string;
  /** By the wall clock of whoever recorded it. For people. */
  readonly finishedAtMs: number;
} & (
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "failed" | "timeout" | "cancelled"; readonly error: TaskFailure }
);

/** Of calls that wait. */
export interface WaitOptions {
  /** The call rejects with its reason. The task goes on. */
  readonly signal?: AbortSignal;
  /** The call rejects with ResultTimeoutError. The task goes on. */
  readonly timeoutMs?: number;
}

/** What is left of a handle in JSON. */
export interface SerializedTaskHandle {
  readonly root: string;
  readonly name: string;
}

/** For callers who gave none. A new one each time: a shared one would gather the listeners of all of them. */
function noSignal(): AbortSignal {
  return new AbortController().signal;
}

/** One task. */
export class TaskHandle {
  /** The task's name, unique for ever. */
  readonly name: string;
  readonly #client: Client;
  readonly #layout: Layout;

  /** Use `TaskClient`. */
  constructor(client: Client, layout: Layout, name: string) {
    this.#client = client;
    this.#layout = layout;
    this.name = name;
  }

  /** For JSON.stringify. */
  toJSON(): SerializedTaskHandle {
    return { root: this.#layout.root, name: this.name };
  }

  /**
   * Waits for the end of the task, and leaves its result where it is. Waits for ever for a task that was never submitted or
   * whose result was taken: `locate()` tells.
   */
  async outcome(options: WaitOptions = {}): Promise<TaskOutcome> {
    return (await this.#await(options)).outcome;
  }

  /** Waits for the task's result. Rejects with TaskFailedError if it ended without one. */
  async value(options: WaitOptions = {}): Promise<unknown> {
    const outcome = await this.outcome(options);
    if (outcome.kind === "done") return outcome.value;
    throw new TaskFailedError(this.name, outcome.kind, outcome.error);
  }

  /**
   * Waits for the end of the task, and removes it from the tree: of several that call this, one gets it, the others
   * reject with ResultTakenError. A process that dies in here may have taken a result that nobody saw.
   */
  async take(options: WaitOptions = {}): Promise<TaskOutcome> {
    const { outcome, version } = await this.#await(options);
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    let uncertain = false;
    return await insist(this.#client, options.signal, async () => {
      try {
        await this.#client.delete(this.#layout.statusOf(this.name), { version, ...signal });
        return outcome;
      } catch (error) {
        if (isCoordinationError(error, "NoNode")) {
          // After a lost reply it was most likely this very call that removed it, and here is what it held.
          if (uncertain) return outcome;
          throw new ResultTakenError(this.name);
        }
        uncertain ||= isInterruption(error);
        throw error;
      }
    });
  }

  /** Where the task is at the moment. */
  locate(options: { readonly signal?: AbortSignal } = {}): Promise<TaskLocation> {
    return locate(this.#client, this.#layout, this.name, options.signal ?? noSignal());
  }

  /**
   * Ends the task as cancelled, whether it waits or runs; a worker that runs it is told to stop, and its report is refused.
   * `false` if the task was over (or unknown) before. If the reply is lost, looks again.
   */
  async cancel(options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    const client = this.#client;
    const guid = hex(client.random.bytes(16));
    const error = failureOf(new TaskStoppedError("reassigned", "Cancelled by a client."));
    return await insist(client, options.signal, async () => {
      for (;;) {
        const location = await this.locate(options);
        if (location.state === "unknown") return false;
        if (location.state === "finished") return await this.#endedBy(guid, options);
        const attempt = location.state === "assigned" ? location.attempt : 0;
        const path =
          location.state === "assigned"
            ? this.#layout.assignment(location.worker, location.assignment)
            : this.#layout.task(this.name);
        const atMs = client.clock.wallMs();
        const status = encodeStatus({ kind: "cancelled", attempt, by: "client", guid, atMs, error });
        try {
          await client.transaction().create(this.#layout.statusOf(this.name), status).delete(path).commit(options);
          return true;
        } catch (failure) {
          // Outdated: it has moved meanwhile.
          if (!isOutdated(failure)) throw failure;
        }
      }
    });
  }

  async #endedBy(guid: string, options: { readonly signal?: AbortSignal }): Promise<boolean> {
    const status = await this.#read(options.signal);
    return status?.guid === guid;
  }

  async #await({ signal, timeoutMs }: WaitOptions): Promise<{ outcome: TaskOutcome; version: number }> {
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal?.reason);
    if (signal?.aborted) abort();
    const ignore = signal === undefined ? () => {} : onAbort(signal, abort);
    const timer =
      timeoutMs === undefined
        ? undefined
        : this.#client.clock.setTimer(timeoutMs, () => {
            controller.abort(new ResultTimeoutError(this.name, timeoutMs));
          });
    try {
      for (;;) {
        await this.#arrival(controller.signal);
        const status = await this.#read(controller.signal);
        if (status !== undefined) return status;
      }
    } finally {
      timer?.cancel();
      ignore();
    }
  }

  /** Resolves when the status is there, or may be: arms the watch first, then looks, and looks again when woken. */
  async #arrival(signal: AbortSignal): Promise<void> {
    while (!(await insist(this.#client, signal, () => this.#isThereOrMayBe(signal))));
  }

  /** Whether the status is there; if not, answers once that may have changed. */
  async #isThereOrMayBe(signal: AbortSignal): Promise<boolean> {
    const path = this.#layout.statusOf(this.name);
    let wake = (): void => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const watch = (): void => wake();
    signal.addEventListener("abort", watch, { once: true });
    try {
      if ((await this.#client.exists(path, { watch, signal })) !== undefined) return true;
      await woken;
      return false;
    } finally {
      signal.removeEventListener("abort", watch);
      this.#client.unwatch(path, watch);
    }
  }

  /** The status; `undefined` if it is not there (any more). */
  async #read(
    signal: AbortSignal | undefined,
  ): Promise<{ outcome: TaskOutcome; version: number; guid: string } | undefined> {
    const path = this.#layout.statusOf(this.name);
    const node = await insist(this.#client, signal, async () => {
      try {
        return await this.#client.get(path, signal === undefined ? {} : { signal });
      } catch (error) {
        if (isCoordinationError(error, "NoNode")) return undefined;
        throw error;
      }
    });
    if (node === undefined) return undefined;
    const record = decodeStatus(node.data);
    if (!record.ok) throw new UnreadableNodeError(path, record.detail);
    const { kind, attempt, by, atMs, value, error, guid } = record.value;
    const { version } = node.stat;
    const base = { attempt, by, finishedAtMs: atMs };
    if (kind !== "done") {
      const failure = error ?? { name: "Error", message: "No reason was recorded." };
      return { outcome: { ...base, kind, error: failure }, version, guid };
    }
    const decoded = value === undefined ? { ok: true as const, value: undefined } : decodeValue(value);
    if (!decoded.ok) throw new UnreadableNodeError(path, decoded.detail);
    return { outcome: { ...base, kind, value: decoded.value }, version, guid };
  }
}
