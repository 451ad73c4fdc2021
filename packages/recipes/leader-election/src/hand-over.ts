/** Handing leadership over: our node goes in the same transaction in which the other's turn comes. */
import { type Client, isCoordinationError, type Transaction } from "@corral/client";
import { childrenOrNone, type Grant, insist, isInterruption } from "@corral/recipe-kit";
import { decideHandOver } from "./decide.ts";
import { HandOverError } from "./errors.ts";
import { nameOf, parentOf } from "./paths.ts";

/** Resolves when `to` leads, or is the first who may. @throws HandOverError, GrantLostError, the signal's reason */
export async function handOver(client: Client, own: Grant, to: string, signal: AbortSignal): Promise<void> {
  const parent = parentOf(own.path);
  if (parentOf(to) !== parent) throw new HandOverError(to, "it is not a candidate of this election");
  // Whether an attempt is on its way, or was carried out, without our knowing.
  let isOpen = false;
  const attempt = async (): Promise<boolean> => {
    own.throwIfLost();
    if (isOpen) await client.sync(parent, { signal });
    const names = await childrenOrNone(client, parent, signal);
    if (!names.includes(nameOf(own.path))) {
      if (!isOpen) own.lose("node deleted");
      own.throwIfLost();
      return true;
    }
    try {
      const transaction = await prepare(client, own.path, to, names, signal);
      isOpen = true;
      await transaction.commit({ signal });
      return true;
    } catch (error) {
      if (!isInterruption(error)) isOpen = false;
      // Somebody has gone or come between the look and the transaction: look again.
      if (isCoordinationError(error, "NoNode") || isCoordinationError(error, "BadVersion")) return false;
      throw error;
    }
  };
  while (!(await insist(client, attempt, signal)));
}

async function prepare(
  client: Client,
  own: string,
  to: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Transaction> {
  const parent = parentOf(own);
  switch (decideHandOver(names, nameOf(own), nameOf(to))) {
    case "next":
      return client.transaction().check(to).delete(own);
    case "record": {
      const candidate = await client.get(to, { signal });
      const record = await client.get(parent, { signal });
      return (
        client
          .transaction()
          // Nothing new, but it watches its own node, and looks.
          .set(to, candidate.data, { version: candidate.stat.version })
          .set(parent, nameOf(to), { version: record.stat.version })
          .delete(own)
      );
    }
    case "refuse":
      throw new HandOverError(
        to,
        names.includes(nameOf(to))
          ? "it is not next in line, and leadership goes out of turn only among candidates with priorities"
          : "it does not take part",
      );
  }
}
