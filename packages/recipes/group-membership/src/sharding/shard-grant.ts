/** A shard that is owned. */
import type { Client } from "@corral/client";
import { Grant, returnTicket, type Ticket } from "@corral/recipe-kit";

/** What a shard's grant is made of. */
export interface ShardGrantParts {
  readonly shard: string;
  readonly ticket: Ticket;
  readonly wanted: AbortSignal;
  readonly whenSuspended: "hold" | "abort" | undefined;
}

/**
 * Owning a shard, as a value. Nobody else owns it before this has ended: by `release()`, or by loss. `fencingToken` grows
 * with every owner of the shard.
 */
export class ShardGrant extends Grant {
  readonly shard: string;
  /**
   * Aborts when the shard shall go to somebody else, who waits for it: finish what is under way, begin nothing new, then
   * `release()`. Until then it is still held.
   */
  readonly wanted: AbortSignal;

  constructor(client: Client, { shard, ticket, wanted, whenSuspended }: ShardGrantParts) {
    super(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      whenSuspended,
      giveBack: () => returnTicket(client, ticket),
    });
    this.shard = shard;
    this.wanted = wanted;
  }
}
