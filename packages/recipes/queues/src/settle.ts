/**
 * Ending a delivery: deleting item and claim in one transaction, with whatever belongs to it, once, however many replies
 * are lost. The item is deleted from the version that this delivery gave it, so nothing ends a delivery but itself, and
 * no attempt can succeed twice.
 */
import { type Client, isCoordinationError, isRecoverable, type Transaction } from "@corral/client";
import { GrantLostError, insist, type WriteOutcome, WriteOutcomeUnknownError } from "@corral/recipe-kit";

/** What is to be ended. */
export interface Settlement {
  readonly itemPath: string;
  readonly claimPath: string;
  /** Of the item. */
  readonly version: number;
  readonly sessionId: bigint;
  /** `delete`: the item goes. `check`: it stays, as it is. */
  readonly item: "delete" | "check";
  /** What belongs to it. */
  readonly build: ((transaction: Transaction) => unknown) | undefined;
}

/** Operations of a settlement that are not its caller's. */
const ownOperations = 2;

/**
 * Resolves when it is done, by this attempt or an earlier one.
 * @throws GrantLostError: it was not done, for the delivery was over. WriteOutcomeUnknownError: the session ended in the
 * middle. What else: an operation of the caller's was refused, and nothing happened.
 */
export async function settle(client: Client, settlement: Settlement): Promise<void> {
  const { itemPath, claimPath, version, sessionId, build } = settlement;
  const transaction: Transaction = client.transaction();
  if (settlement.item === "delete") transaction.delete(itemPath, { version });
  else transaction.check(itemPath, { version });
  transaction.delete(claimPath);
  build?.(transaction);
  let open: unknown;
  try {
    await insist(client, async () => {
      if (client.sessionId !== sessionId) throw new GrantLostError(claimPath, "session lost");
      try {
        await transaction.commit();
      } catch (error) {
        if (isRecoverable(error)) open = error;
        throw error;
      }
    });
  } catch (error) {
    const index: unknown = isCoordinationError(error) ? Reflect.get(error, "index") : undefined;
    const isOwn = typeof index === "number" && index < ownOperations;
    if (isOwn && isCoordinationError(error, "NoNode")) {
      // After an attempt without an answer it was that one: nobody else ends the delivery of a session that lives.
      if (open !== undefined) return;
      throw new GrantLostError(claimPath, "node deleted");
    }
    if (isOwn && isCoordinationError(error, "BadVersion")) throw new GrantLostError(claimPath, "node deleted");
    const isSessionOver = client.sessionId !== sessionId || isCoordinationError(error, "ClientClosed");
    if (isSessionOver && open !== undefined) throw unknownOutcome(client, settlement, open);
    throw error;
  }
}

/** A later delivery proves that this one was not ended. That the item is gone proves nothing: a later one may have. */
function unknownOutcome(client: Client, { itemPath, version }: Settlement, cause: unknown): WriteOutcomeUnknownError {
  const look = async (): Promise<WriteOutcome> => {
    try {
      const stat = await insist(client, async () => {
        await client.sync(itemPath);
        return await client.exists(itemPath);
      });
      return stat !== undefined && stat.version > version ? { kind: "not applied" } : { kind: "unknown", cause };
    } catch {
      return { kind: "unknown", cause };
    }
  };
  return new WriteOutcomeUnknownError("The end of the delivery of", itemPath, look(), cause);
}
