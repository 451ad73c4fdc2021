/**
 * Getting a name in a group, and giving it back. The member and its claim are made in one transaction, and so go; whether
 * a transaction happened whose reply was lost is told by the claim, whose name nobody else has.
 */
import { type Client, isCoordinationError, msgpack, type Stat } from "@corral/client";
import { childrenOrNone, insist, isInterruption, newGuid, sleep, WakeUp } from "@corral/recipe-kit";
import { decideTaken, type NameHolder, type WhenTaken } from "./decide-taken.ts";
import { MemberNameTakenError } from "./errors.ts";
import { type Layout, nameOfClaim } from "./layout.ts";
import { ownRecord } from "./own-sessions.ts";

/** What is asked for. */
export interface RegistrationRequest {
  readonly layout: Layout;
  readonly name: string;
  readonly data: Uint8Array | null;
  readonly whenTaken: WhenTaken;
}

/** A registration that was made. */
export interface Registration {
  readonly memberPath: string;
  readonly claimPath: string;
  /** Of both nodes. */
  readonly czxid: bigint;
  readonly sessionId: bigint;
}

/** Somebody who holds the name, and what can be deleted to take it over. */
interface Holder extends NameHolder {
  readonly version: number;
  readonly claimPath: string | undefined;
}

/**
 * Registers, or rejects and leaves nothing behind: even if the connection is down at that moment, what may have been made
 * is deleted in the background.
 * @throws MemberNameTakenError, the signal's reason, ClientClosedError
 */
export async function register(
  client: Client,
  request: RegistrationRequest,
  signal: AbortSignal,
): Promise<Registration> {
  const { layout, name, whenTaken } = request;
  const own = ownRecord(client);
  const memberPath = layout.member(name);
  let met: { readonly czxid: bigint; readonly atMs: number } | undefined;
  let attempt = newAttempt(client, layout, name);
  let replaced: Holder | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      // What was begun in another session must not be taken for this one's; its nodes go, or are taken over.
      if (attempt.sessionId === 0n) attempt = { ...attempt, sessionId: client.sessionId };
      else if (attempt.sessionId !== client.sessionId) attempt = newAttempt(client, layout, name);
      own.sessions.add(attempt.sessionId);
      await create(client, request, attempt.claimPath, replaced, signal);
      const claim = await stat(client, attempt.claimPath, signal);
      if (claim !== undefined && claim.ephemeralOwner === client.sessionId) {
        own.claims.add(attempt.claimPath);
        return { memberPath, claimPath: attempt.claimPath, czxid: claim.czxid, sessionId: claim.ephemeralOwner };
      }
      const holder = await findHolder(client, layout, name, signal);
      replaced = undefined;
      if (holder === undefined) continue;
      const nowMs = client.clock.elapsedMs();
      met ??= { czxid: holder.czxid, atMs: nowMs };
      const { sessionId, sessionTimeoutMs } = client;
      const isFormer = ![0n, sessionId].includes(holder.sessionId) && own.sessions.has(holder.sessionId);
      const isHeldHere = holder.claimPath !== undefined && own.claims.has(holder.claimPath);
      const view = { holder, whenTaken, sessionId, sessionTimeoutMs, isFormer, isHeldHere, met, nowMs };
      const decision = decideTaken(view);
      switch (decision.kind) {
        case "take over":
          replaced = holder;
          break;
        case "wait":
          await waitUntilGone(client, memberPath, decision.waitMs, signal);
          break;
        case "refuse":
          throw new MemberNameTakenError(memberPath, holder.sessionId);
      }
    }
  } catch (error) {
    giveUp(client, { memberPath, claimPath: attempt.claimPath, czxid: 0n, sessionId: attempt.sessionId });
    throw error;
  }
}

function newAttempt(client: Client, layout: Layout, name: string): { claimPath: string; sessionId: bigint } {
  return { claimPath: layout.claim(newGuid(client.random), name), sessionId: client.sessionId };
}

/** Tries once. Whether it worked is for the claim to tell; on return it cannot happen any more. */
async function create(
  client: Client,
  { layout, name, data }: RegistrationRequest,
  claimPath: string,
  replaced: Holder | undefined,
  signal: AbortSignal,
): Promise<void> {
  const memberPath = layout.member(name);
  const mode = "ephemeral";
  const info = await msgpack.encode({ sessionTimeoutMs: client.sessionTimeoutMs });
  const transaction = client.transaction();
  if (replaced !== undefined) transaction.delete(memberPath, { version: replaced.version });
  if (replaced?.claimPath !== undefined) transaction.delete(replaced.claimPath);
  try {
    await transaction.create(memberPath, data, { mode }).create(claimPath, info, { mode }).commit({ signal });
  } catch (error) {
    if (isCoordinationError(error, "NodeExists") || isCoordinationError(error, "BadVersion")) return;
    if (isCoordinationError(error, "NoNode")) {
      await insist(client, () => client.ensurePath(layout.path, { signal }), signal);
      await insist(client, () => client.ensurePath(layout.claims, { signal }), signal);
    } else if (isInterruption(error)) {
      await insist(client, () => client.sync(layout.path, { signal }), signal);
    } else {
      throw error;
    }
  }
}

async function stat(client: Client, path: string, signal: AbortSignal): Promise<Stat | undefined> {
  return await insist(client, () => client.exists(path, { signal }), signal);
}

/** Who holds the name; `undefined`: nobody. */
async function findHolder(
  client: Client,
  layout: Layout,
  name: string,
  signal: AbortSignal,
): Promise<Holder | undefined> {
  const member = await stat(client, layout.member(name), signal);
  if (member === undefined) return undefined;
  const { czxid, version, ephemeralOwner: sessionId } = member;
  const claim = await findClaim(client, layout, name, czxid, signal);
  return { czxid, version, sessionId, claimPath: claim?.path, sessionTimeoutMs: claim?.sessionTimeoutMs };
}

/** A claim as others see it. */
export interface ClaimView {
  readonly path: string;
  readonly czxid: bigint;
  readonly sessionTimeoutMs: number | undefined;
}

/** The claim that was made together with the member: both have the same czxid. Other libraries' members have none. */
async function findClaim(
  client: Client,
  layout: Layout,
  name: string,
  czxid: bigint,
  signal: AbortSignal,
): Promise<ClaimView | undefined> {
  const all = await insist(client, () => childrenOrNone(client, layout.claims, signal), signal);
  for (const claim of all.filter((one) => nameOfClaim(one) === name)) {
    const found = await readClaim(client, `${layout.claims}/${claim}`, signal);
    if (found?.czxid === czxid) return found;
  }
  return undefined;
}

/** Reads a claim; `undefined` if it is not there any more. */
export async function readClaim(client: Client, path: string, signal?: AbortSignal): Promise<ClaimView | undefined> {
  try {
    const { data, stat } = await insist(client, () => client.get(path, signal ? { signal } : {}), signal);
    return { path, czxid: stat.czxid, sessionTimeoutMs: await timeoutIn(data) };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

async function timeoutIn(data: Buffer | null): Promise<number | undefined> {
  try {
    const info = await msgpack.decode(data);
    const timeoutMs: unknown = typeof info === "object" && info !== null && Reflect.get(info, "sessionTimeoutMs");
    return typeof timeoutMs === "number" && timeoutMs > 0 ? timeoutMs : undefined;
  } catch {
    // Not as we write it: then it tells nothing.
    return undefined;
  }
}

/** Returns when the node may be gone, after `waitMs` at the latest. */
async function waitUntilGone(client: Client, path: string, waitMs: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  using wakeUp = new WakeUp(client);
  try {
    await insist(client, () => client.get(path, { watch: wakeUp.watch(path), signal }), signal);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return;
    throw error;
  }
  const gone = wakeUp.wait(either).catch(() => undefined);
  try {
    if (Number.isFinite(waitMs)) await Promise.race([gone, sleep(client.clock, waitMs, either)]);
    else await gone;
  } finally {
    over.abort();
  }
  signal.throwIfAborted();
}

/** Gives the name back. Resolves when member and claim are certainly gone, or their session is. */
export async function unregister(client: Client, registration: Registration): Promise<void> {
  const { memberPath, claimPath, sessionId } = registration;
  // 0: it was begun before there was a session, and is of the first.
  const isOver = (): boolean => sessionId !== 0n && client.sessionId !== sessionId;
  const attempt = async (): Promise<void> => {
    while (!isOver()) {
      await client.sync(claimPath);
      const claim = await client.exists(claimPath);
      if (claim === undefined) return;
      const member = await client.exists(memberPath);
      const transaction = client.transaction().delete(claimPath);
      // A member of another czxid is another's: our own was deleted by hand.
      if (member?.czxid === claim.czxid) transaction.delete(memberPath, { version: member.version });
      try {
        await transaction.commit();
        return;
      } catch (error) {
        if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "BadVersion")) throw error;
      }
    }
  };
  try {
    await insist(client, attempt);
  } catch (error) {
    // A closed client has ended its session, and the nodes with it.
    if (!isCoordinationError(error, "ClientClosed")) throw error;
  }
}

/** In the background: the connection may be down. */
function giveUp(client: Client, registration: Registration): void {
  unregister(client, registration).catch((err: unknown) =>
    client.logger.warn(
      { err, path: registration.memberPath },
      "a registration that was given up could not be deleted; it goes with its session",
    ),
  );
}
