/**
 * The time as the server has it. When an item is due must not depend on whose clock is right: producers and consumers
 * count by one that they share. Learnt from a write, and good for a minute.
 */
import type { Client } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { limits } from "./limits.ts";

interface Measurement {
  /** What the server's clock said, ms since 1970, at a moment between the other two. */
  readonly serverMs: number;
  /** On `clock.elapsedMs()`. */
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** See the head of this file. `path`: a node to write to. */
export class ServerTime {
  readonly #client: Client;
  readonly #path: string;
  #last: Measurement | undefined;

  constructor(client: Client, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /** No later than it is there: what is due by this is due. ms since 1970. */
  async atLeastMs(signal: AbortSignal): Promise<number> {
    const { serverMs, answeredMs } = await this.#measurement(signal);
    return Math.floor(serverMs + this.#client.clock.elapsedMs() - answeredMs);
  }

  /** No earlier than it is there: so long from this is so long at least. ms since 1970. */
  async atMostMs(signal: AbortSignal): Promise<number> {
    const { serverMs, sentMs } = await this.#measurement(signal);
    return Math.ceil(serverMs + this.#client.clock.elapsedMs() - sentMs);
  }

  async #measurement(signal: AbortSignal): Promise<Measurement> {
    const { clock } = this.#client;
    if (this.#last !== undefined && clock.elapsedMs() - this.#last.answeredMs < limits.serverTimeMs) return this.#last;
    this.#last = await insist(this.#client, () => this.#measure(signal), signal);
    return this.#last;
  }

  async #measure(signal: AbortSignal): Promise<Measurement> {
    const { clock } = this.#client;
    const sentMs = clock.elapsedMs();
    const { stat } = await this.#client.setOrCreate(this.#path, null, { createParents: true, signal });
    return { serverMs: stat.mtimeMs, sentMs, answeredMs: clock.elapsedMs() };
  }
}
