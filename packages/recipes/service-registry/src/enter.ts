/**
 * Putting an entry into the tree: look, decide, carry it out in one transaction that fails if anything has changed, look
 * again. Whether a transaction whose reply was lost has happened is seen at the next look, by the claim with a GUID in its
 * name; what was made by a session that has ended is as good as gone.
 */
import { type Client, isCoordinationError, msgpack, type Transaction } from "@corral/client";
import {
  abandonTicket,
  type Contest,
  contend,
  type Decision,
  decideInTurn,
  insist,
  newGuid,
  sleep,
  WakeUp,
} from "@corral/recipe-kit";
import { decideEntry, type EntryDecision, type EntryRequest } from "./decide-entry.ts";
import { isNameTakenError, NameTakenError } from "./errors.ts";
import type { ServiceType } from "./instance.ts";
import { claimName, idOfClaim, type Layout } from "./layout.ts";
import { ensureParents } from "./parents.ts";
import { nodeOrNone } from "./read-instances.ts";
import { type Finding, look } from "./situation.ts";
import { sweep } from "./withdraw.ts";

/** What is to be entered. */
export interface Entrance {
  readonly name: string;
  readonly id: string;
  readonly serviceType: ServiceType;
  /** The entry's data. */
  readonly data: string;
  readonly exclusive: boolean;
  readonly takeOver: boolean;
  readonly whenTaken: "refuse" | "wait";
  /** Claims of this registration before; what is tried now is added. */
  readonly earlierClaims: Set<string>;
}

/** An entry that stands. */
export interface Entered {
  readonly path: string;
  readonly claimPath: string;
  readonly idPath: string;
  readonly holderPath: string | undefined;
  /** Of the entry and of its claim. */
  readonly czxid: bigint;
  readonly sessionId: bigint;
}

/** What stands before the sequence number of those who wait for a name. */
export const turnKind = "turn-";

/** Who waits for a name tries it in the order of arrival; the others watch the one before them. */
export function decideTurn(names: readonly string[], own: string): Decision {
  return decideInTurn(names, [turnKind], own);
}

/**
 * Enters, or waits until that can be. Rejects with the signal's reason when that aborts, and leaves nothing behind then,
 * even if the connection is down at that moment.
 * @throws NameTakenError
 */
export async function enter(client: Client, layout: Layout, entrance: Entrance, signal: AbortSignal): Promise<Entered> {
  const { name, exclusive, whenTaken } = entrance;
  await ensureParents(client, layout, name, signal);
  if (!exclusive || whenTaken === "refuse") return await tryUntilEntered(client, layout, entrance, signal);
  const again = await takeOverHold(client, layout, entrance, signal);
  if (again !== undefined) return again;
  const parent = layout.queue(name);
  const contest: Contest = { parent, kind: turnKind, data: entrance.id, decide: decideTurn };
  const turn = await contend(client, contest, signal);
  try {
    return await tryUntilEntered(client, layout, entrance, signal);
  } finally {
    abandonTicket(client, turn);
  }
}

/** Whoever holds the name already, and only has been started anew, does not go to the end of the queue. */
async function takeOverHold(
  client: Client,
  layout: Layout,
  entrance: Entrance,
  signal: AbortSignal,
): Promise<Entered | undefined> {
  const { name, id, takeOver } = entrance;
  const holder = await insist(client, () => nodeOrNone(client, layout.holder(name), signal), signal);
  if (!takeOver || idOfClaim(holder?.data?.toString("utf8") ?? "") !== id) return undefined;
  try {
    return await tryUntilEntered(client, layout, { ...entrance, whenTaken: "refuse" }, signal);
  } catch (error) {
    if (isNameTakenError(error)) return undefined;
    throw error;
  }
}

async function tryUntilEntered(
  client: Client,
  layout: Layout,
  entrance: Entrance,
  signal: AbortSignal,
): Promise<Entered> {
  for (;;) {
    signal.throwIfAborted();
    const sessionId = client.sessionId;
    const claim = claimName(newGuid(client.random), entrance.id);
    const request: EntryRequest = { ...entrance, claim, sequential: entrance.serviceType === "DYNAMIC_SEQUENTIAL" };
    try {
      const entered = await tryWithClaim(client, layout, entrance, request, sessionId, signal);
      if (entered !== undefined) return entered;
    } catch (error) {
      const swept = sweep(client, layout, entrance, claim, sessionId);
      // Who is refused keeps nobody else out. Who is cancelled does not wait: the connection may be down.
      if (isNameTakenError(error)) await untilAborted(swept, signal);
      throw error;
    } finally {
      entrance.earlierClaims.add(claim);
    }
  }
}

/** Resolves with `promise`, or when `signal` aborts. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) return done();
    signal.addEventListener("abort", done, { once: true });
    void promise.then(done);
  });
}

/** `undefined`: the session has changed, begin afresh with another claim. */
async function tryWithClaim(
  client: Client,
  layout: Layout,
  entrance: Entrance,
  request: EntryRequest,
  sessionId: bigint,
  signal: AbortSignal,
): Promise<Entered | undefined> {
  const { name } = entrance;
  /** What of this claim has been made, as far as is known: `unknown` if a reply was lost. */
  let made: "nothing" | "name" | "entry" | "unknown" = "nothing";
  for (let round = 1; client.sessionId === sessionId; round++) {
    using wakeUp = new WakeUp(client);
    const finding: Finding = await insist(
      client,
      async () => {
        // The look must come after whatever was on its way when the connection broke.
        if (made === "unknown") await client.sync(layout.base, { signal });
        return await look(client, layout, name, request, { signal, watch: (path) => wakeUp.watch(path) });
      },
      signal,
    );
    if (client.sessionId !== sessionId || (finding.ownSessionId ?? sessionId) !== sessionId) return undefined;
    const { entered } = finding;
    // It was there and is not any more: somebody with the same id has taken it over.
    if (made === "entry" && entered === undefined) throw new NameTakenError(name, { id: request.id, holds: "id" });
    // A claim that was there must not come again: there may be marks left that name it.
    if (made !== "nothing" && finding.situation.own === "nothing") return undefined;
    const decision = decideEntry(finding.situation, request);
    switch (decision.kind) {
      case "entered": {
        if (entered === undefined) break;
        const holderPath = request.exclusive ? layout.holder(name) : undefined;
        const [claimPath, idPath] = [layout.claim(name, request.claim), layout.idMark(name, request.id)];
        return { ...entered, claimPath, idPath, holderPath, sessionId };
      }
      case "taken":
        if (entrance.whenTaken === "refuse") throw new NameTakenError(name, decision.by);
        await wakeUp.wait(signal);
        break;
      case "enter": {
        const outcome = await carryOut(client, layout, entrance, request, decision, signal);
        if (outcome === "unknown") made = "unknown";
        else if (outcome === "done") made = decision.what;
        // Somebody is quicker again and again: not so fast.
        if (outcome === "overtaken" && round > 3) await sleep(client.clock, 50 * client.random.fraction(), signal);
      }
    }
  }
  return undefined;
}

async function carryOut(
  client: Client,
  layout: Layout,
  entrance: Entrance,
  request: EntryRequest,
  decision: Extract<EntryDecision, { readonly kind: "enter" }>,
  signal: AbortSignal,
): Promise<"done" | "overtaken" | "unknown"> {
  try {
    const transaction = await transactionFor(client, layout, entrance, request, decision);
    await transaction.commit({ signal });
    return "done";
  } catch (error) {
    signal.throwIfAborted();
    if (!isCoordinationError(error)) throw error;
    switch (error.code) {
      case "NoNode":
        // Something to remove has gone, or a parent: containers go when they are empty.
        await ensureParents(client, layout, entrance.name, signal);
        return "overtaken";
      case "NodeExists":
      case "BadVersion":
        return "overtaken";
      case "ConnectionLoss":
      case "OperationTimeout":
      case "RequestTimeout":
      case "SessionExpired":
      case "SessionMoved":
        return "unknown";
      default:
        throw error;
    }
  }
}

async function transactionFor(
  client: Client,
  layout: Layout,
  { name, data, serviceType }: Entrance,
  { id, claim, exclusive, sequential }: EntryRequest,
  { what, hold, remove }: Extract<EntryDecision, { readonly kind: "enter" }>,
): Promise<Transaction> {
  const transaction: Transaction = client.transaction();
  const [entryPath, idPath, holderPath] = [layout.entry(name, id), layout.idMark(name, id), layout.holder(name)];
  const deleteAt = (path: string, version: number | undefined): void => {
    if (version !== undefined) transaction.delete(path, { version });
  };
  if (remove.ownClaim) transaction.delete(layout.claim(name, claim));
  for (const former of remove.claims) transaction.delete(layout.claim(name, former));
  deleteAt(entryPath, remove.entry);
  deleteAt(idPath, remove.idMark);
  deleteAt(holderPath, remove.holder);
  const mode = "ephemeral";
  const about = await msgpack.encode({ sessionTimeoutMs: client.sessionTimeoutMs });
  if (hold) transaction.create(holderPath, claim, { mode });
  if (what === "name") return transaction.create(layout.claim(name, claim), about, { mode });
  // Made and unmade, which fails if it is there: a transaction has no other way to say that a node must not be.
  if (!exclusive) transaction.create(holderPath).delete(holderPath);
  if (!sequential) transaction.create(idPath, claim, { mode });
  transaction.create(entryPath, data, { mode: entryModes[serviceType] });
  return transaction.create(layout.claim(name, claim), about, { mode });
}

const entryModes = {
  DYNAMIC: "ephemeral",
  DYNAMIC_SEQUENTIAL: "ephemeralSequential",
  STATIC: "persistent",
  PERMANENT: "persistent",
} as const;
