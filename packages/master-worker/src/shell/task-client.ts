/** Those who have work to give away. */
import { type Client, insist, isCoordinationError, isInterruption } from "@corral/client";
import { Layout, newTaskName, requireName } from "../core/layout.ts";
import { payloadBytesMax } from "../core/limits.ts";
import { encodeTask, encodeValue } from "../core/payloads.ts";
import { PayloadTooLargeError } from "./errors.ts";
import { locate } from "./locate.ts";
import { ensureSkeleton } from "./skeleton.ts";
import { type SerializedTaskHandle, TaskHandle } from "./task-handle.ts";

/** How a `TaskClient` is made. */
export interface TaskClientOptions {
  /** Where the group lives. Default `/`. */
  readonly root?: string;
}

/** Of one submission. */
export interface SubmitOptions {
  /** How long one attempt may run; after that the task ends as `timeout`. Default: as long as it takes. */
  readonly timeoutMs?: number;
  /** Ends the wait for the server; the call rejects with its reason. Whether the task was submitted is then unknown. */
  readonly signal?: AbortSignal;
}

/**
 * Submits tasks.
 *
 *     const tasks = new TaskClient(client);
 *     const handle = await tasks.submit({ path: "/texts/a.txt" });
 *     const counts = await handle.value({ timeoutMs: 60_000 });
 *
 * A task is accepted when `submit` resolves, also while there is no master and no worker. It then ends in exactly one
 * recorded result, which stays until it is taken. It runs at least once; it can run more than once.
 */
export class TaskClient {
  /** The group's znodes. */
  readonly layout: Layout;
  readonly #client: Client;

  /** Throws a TypeError for a root that cannot be. Does nothing yet. */
  constructor(client: Client, options: TaskClientOptions = {}) {
    this.#client = client;
    this.layout = new Layout(options.root);
  }

  /**
   * Submits a task: `input` is whatever MessagePack can hold. Resolves when the task is stored. A lost reply is resolved
   * here: the task's name is known beforehand and unique, so it is looked for before it is created again.
   * Rejects with PayloadTooLargeError, NoAuthError and the like.
   */
  async submit(input: unknown, options: SubmitOptions = {}): Promise<TaskHandle> {
    const { timeoutMs, signal = new AbortController().signal } = options;
    if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
      throw new RangeError(`timeoutMs must be a whole number of milliseconds above 0, not ${timeoutMs}.`);
    }
    const encoded = encodeValue(input);
    if (encoded.length > payloadBytesMax) throw new PayloadTooLargeError("The input", encoded.length, payloadBytesMax);
    const { clock, random } = this.#client;
    const submittedAtMs = clock.wallMs();
    const name = newTaskName(submittedAtMs, random.bytes(10));
    const record = { attempts: 0, submittedAtMs, input: encoded, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    await this.#create(name, encodeTask(record), signal);
    return new TaskHandle(this.#client, this.layout, name);
  }

  /** The handle of a task submitted earlier or elsewhere: by its name, or by what JSON.parse makes of a handle. */
  handle(task: string | SerializedTaskHandle): TaskHandle {
    const { root, name } = typeof task === "string" ? { root: this.layout.root, name: task } : task;
    requireName("The task's name", name);
    return new TaskHandle(this.#client, root === this.layout.root ? this.layout : new Layout(root), name);
  }

  async #create(name: string, data: Uint8Array, signal: AbortSignal): Promise<void> {
    let uncertain = false;
    await insist(this.#client, signal, async () => {
      // It may have been assigned, and may even be over, before the reply was missed.
      if (uncertain && (await locate(this.#client, this.layout, name, signal)).state !== "unknown") return;
      for (;;) {
        try {
          await this.#client.create(this.layout.task(name), data, { signal });
          return;
        } catch (error) {
          if (isCoordinationError(error, "NodeExists")) return;
          uncertain ||= isInterruption(error);
          if (!isCoordinationError(error, "NoNode")) throw error;
          await ensureSkeleton(this.#client, this.layout, signal);
        }
      }
    });
  }
}
