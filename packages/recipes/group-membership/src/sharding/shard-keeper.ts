/**
 * One shard that the plan gives to us: contend for it, hold it, contend again if it was lost, until it is given to
 * somebody else. Then it is asked back, and only when it was released it is gone: release before acquire.
 */
import type { Client } from "@corral/client";
import { contend, sleep } from "@corral/recipe-kit";
import { decideShard, lockKind } from "./decide.ts";
import { ShardGrant } from "./shard-grant.ts";

/** What keeping needs. */
export interface ShardKeeperParts {
  readonly client: Client;
  readonly shard: string;
  /** The shard's queue. */
  readonly lockPath: string;
  readonly identity: string;
  readonly whenSuspended: "hold" | "abort" | undefined;
  /** How long the holder may take to release the shard when it is asked back, ms. */
  readonly handOverMs: number | undefined;
  readonly onGained: (grant: ShardGrant) => void;
  /** Called for each grant that was gained, when it has ended. */
  readonly onEnded: (grant: ShardGrant) => void;
}

/** See the head of this file. */
export class ShardKeeper {
  readonly #parts: ShardKeeperParts;
  readonly #stop = new AbortController();
  #held: ShardGrant | undefined;
  /** Settles when the shard is neither held nor contended for. Rejects for what repeating cannot mend. */
  readonly done: Promise<void>;

  constructor(parts: ShardKeeperParts) {
    this.#parts = parts;
    this.done = this.#run();
  }

  /** The shard shall go to somebody else. Idempotent. */
  askBack(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new DOMException(`the shard ${this.#parts.shard} is to go to another member`, "AbortError"));
    if (this.#held !== undefined && this.#parts.handOverMs !== undefined) void this.#revokeLater(this.#held);
  }

  /** Takes it from its holder, who hears of it by `signal`. */
  revoke(): void {
    this.askBack();
    this.#held?.lose("revoked");
  }

  async #run(): Promise<void> {
    const { client, shard, lockPath, identity, whenSuspended, onGained, onEnded } = this.#parts;
    const contest = { parent: lockPath, kind: lockKind, data: identity, decide: decideShard };
    const wanted = this.#stop.signal;
    try {
      while (!wanted.aborted) {
        const ticket = await contend(client, contest, wanted);
        const grant = new ShardGrant(client, { shard, ticket, wanted, whenSuspended });
        if (!grant.held || wanted.aborted) {
          grant.abandon();
          continue;
        }
        this.#held = grant;
        onGained(grant);
        await ended(grant.signal);
        this.#held = undefined;
        onEnded(grant);
        // Whoever waits for us to have nothing waits for the node to be gone as well.
        await grant.release();
      }
    } catch (error) {
      if (!wanted.aborted) throw error;
    }
  }

  async #revokeLater(grant: ShardGrant): Promise<void> {
    await sleep(this.#parts.client.clock, this.#parts.handOverMs ?? 0, grant.signal);
    if (grant.held) grant.lose("revoked");
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
