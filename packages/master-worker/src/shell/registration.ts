/**
 * A worker's registration: the ephemeral `/workers/<id>`, with its queue `/assign/<id>` made before or with it, so that a
 * master that sees the worker finds the queue.
 *
 * Same id     an older node may be that of a process that is gone and whose session is not over yet: wait for as long as
 *             that can last. Whoever is still there then is alive, and this process is refused
 * Leftovers   assignments older than the registration belong to an earlier process of the id. Workers do not touch them,
 *             masters take them back; the comparison of zxids needs no agreement about who is who
 */
import { type Client, insist, isCoordinationError, isInterruption } from "@corral/client";
import { hex, type Layout } from "../core/layout.ts";
import { decodeWorker, encodeWorker, type WorkerRecord } from "../core/payloads.ts";
import { WorkerIdTakenError } from "./errors.ts";
import { isRefused } from "./guarded.ts";
import { ensureSkeleton } from "./skeleton.ts";

/** What a worker says about itself; the rest of its record is made here. */
export type WorkerDescription = Omit<WorkerRecord, "guid" | "sessionTimeoutMs">;

/** A registration that was made. It lasts as long as the session, unless somebody deletes the node. */
export interface Registration {
  readonly guid: string;
  /** Assignments older than this are not for us. */
  readonly czxid: bigint;
}

/** What registering needs. */
export interface RegistrationOptions {
  readonly client: Client;
  readonly layout: Layout;
  readonly id: string;
  readonly description: WorkerDescription;
  /** GUIDs of all registrations that this very worker has tried: nodes with these are its own, about to vanish. */
  readonly ownGuids: Set<string>;
  readonly signal: AbortSignal;
}

interface Holder {
  readonly czxid: bigint;
  readonly owner: bigint;
  readonly record: WorkerRecord | undefined;
}

/** Registers. Rejects with WorkerIdTakenError, or with the signal's reason (the outcome is then unknown). */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { client, layout, id, description, ownGuids, signal } = options;
  const path = layout.worker(id);
  const guid = hex(client.random.bytes(16));
  ownGuids.add(guid);
  let stranger: { readonly czxid: bigint; readonly patientUntilMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const holder = await look(options, path);
    if (holder === undefined) {
      const record = encodeWorker({ ...description, guid, sessionTimeoutMs: client.sessionTimeoutMs });
      await create(options, path, record);
      continue;
    }
    const own = holder.record !== undefined && ownGuids.has(holder.record.guid) ? holder.record.guid : undefined;
    // Of this session: made here, or by an earlier call that never learned of it.
    if (own !== undefined && holder.owner === client.sessionId) return { guid: own, czxid: holder.czxid };
    let patienceMs = Number.POSITIVE_INFINITY;
    if (own === undefined) {
      // An ephemeral goes within its timeout and a tick; a change of leaders may give it that time once more.
      const lifeMs = Math.max(holder.record?.sessionTimeoutMs ?? 0, client.sessionTimeoutMs);
      const nowMs = client.clock.elapsedMs();
      stranger ??= { czxid: holder.czxid, patientUntilMs: nowMs + 2 * lifeMs };
      if (holder.czxid !== stranger.czxid) throw new WorkerIdTakenError(id, path);
      patienceMs = stranger.patientUntilMs - nowMs;
      if (patienceMs <= 0) throw new WorkerIdTakenError(id, path);
    }
    await waitUntilGone(options, path, patienceMs);
  }
}

/**
 * Deletes the registration if it is still this one. Returns when that is certain, or when `signal` aborts: the node then
 * goes with its session.
 */
export async function unregister(
  client: Client,
  layout: Layout,
  id: string,
  guid: string,
  signal: AbortSignal,
): Promise<void> {
  const path = layout.worker(id);
  try {
    while (!(await insist(client, signal, () => tryUnregister(client, path, guid, signal))));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Whether the registration is certainly gone. If not, the worker's own last words about itself came between. */
async function tryUnregister(client: Client, path: string, guid: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { data, stat } = await client.get(path, { signal });
    const record = decodeWorker(data);
    if (record.ok && record.value.guid === guid) await client.delete(path, { version: stat.version, signal });
    return true;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return true;
    if (isCoordinationError(error, "BadVersion")) return false;
    throw error;
  }
}

async function look({ client, signal }: RegistrationOptions, path: string): Promise<Holder | undefined> {
  try {
    const { data, stat } = await client.get(path, { signal });
    const record = decodeWorker(data);
    return { czxid: stat.czxid, owner: stat.ephemeralOwner, record: record.ok ? record.value : undefined };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/** Tries to create the node; whether it worked is for the next look to tell. */
async function create(
  { client, layout, id, signal }: RegistrationOptions,
  path: string,
  record: Uint8Array,
): Promise<void> {
  const queue = layout.queue(id);
  const transaction = client.transaction();
  if ((await client.exists(queue, { signal })) === undefined) transaction.create(queue);
  else transaction.check(queue);
  try {
    await transaction.create(path, record, { mode: "ephemeral" }).commit({ signal });
  } catch (error) {
    if (isRefused(error) && error.code === "NodeExists") return;
    if (isRefused(error) && error.code === "NoNode") return await ensureSkeleton(client, layout, signal);
    // It may still be on the way; after a sync it has arrived, or never will.
    if (isInterruption(error)) return await client.sync(path, { signal });
    throw error;
  }
}

/** Returns when the node may be gone, after `patienceMs` at the latest. */
async function waitUntilGone({ client, signal }: RegistrationOptions, path: string, patienceMs: number): Promise<void> {
  let wake = (): void => {};
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const watch = (): void => wake();
  const timer = Number.isFinite(patienceMs) ? client.clock.setTimer(patienceMs, watch) : undefined;
  signal.addEventListener("abort", watch, { once: true });
  try {
    await client.get(path, { watch, signal });
    await woken;
  } catch (error) {
    if (!isCoordinationError(error, "NoNode")) throw error;
  } finally {
    timer?.cancel();
    signal.removeEventListener("abort", watch);
    client.unwatch(path, watch);
  }
}
