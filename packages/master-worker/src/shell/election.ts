/**
 * How a candidate becomes the master: one multi that sets `/epoch` to its next version and creates the ephemeral `/master`.
 *
 * Invariant  the epoch grows with every election, and no two elections have the same: `set(/epoch, version)` is in the
 *            multi, so of several candidates that saw the same epoch one wins and the others are refused
 * Wake-up    candidates watch `/master`, and look again on every wake-up; the multi decides, not the look
 * Unknown    after a lost reply: sync, then look whether `/master` holds this election's GUID under this very session
 * Not mine   a `/master` of an earlier session of this process is about to vanish: wait for that like everyone else.
 *            One of this session that nobody rules under (its release failed) is given up first
 */
import { type Client, insist, isCoordinationError, isInterruption } from "@corral/client";
import { hex, type Layout } from "../core/layout.ts";
import { decodeMaster, encodeMaster } from "../core/payloads.ts";
import { isOutdated } from "./guarded.ts";
import { ensureSkeleton } from "./skeleton.ts";

/** An election won. Valid for one session, until a higher epoch exists. */
export interface Mandate {
  /** The version of `/epoch` that every write of this master checks. */
  readonly epoch: number;
  /** The zxid of the election: of the multi that set `/epoch` and created `/master`. A fencing token for outer systems. */
  readonly zxid: bigint;
  /** From the moment this candidate saw that there was no master to its election. */
  readonly tookMs: number;
  /** Stands in `/master`, so that this election is told from every other. */
  readonly guid: string;
}

/** What an election needs. */
export interface Candidate {
  readonly client: Client;
  readonly layout: Layout;
  /** The candidate's name, for people. */
  readonly id: string;
  /** GUIDs of all elections that this candidate has tried. */
  readonly ownGuids: Set<string>;
}

/**
 * Waits until there is no master, and becomes it. Rejects with the signal's reason if that aborts before the election is
 * tried. An election already sent is always followed to its outcome: a mastership nobody knows of would block the group.
 * `session` must abort when the session is lost, for then the outcome no longer matters.
 */
export async function campaign(candidate: Candidate, stop: AbortSignal, session: AbortSignal): Promise<Mandate> {
  const { client, layout } = candidate;
  const { clock } = client;
  const signal = AbortSignal.any([stop, session]);
  let vacantSinceMs: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    if (await waitWhileTaken(candidate, signal)) vacantSinceMs = clock.elapsedMs();
    vacantSinceMs ??= clock.elapsedMs();
    const version = await epochVersion(client, layout, signal);
    signal.throwIfAborted();
    const guid = hex(client.random.bytes(16));
    candidate.ownGuids.add(guid);
    const zxid = await tryElection(candidate, version, guid, session);
    if (zxid !== undefined) return { epoch: version + 1, zxid, tookMs: clock.elapsedMs() - vacantSinceMs, guid };
  }
}

/**
 * Deletes `/master` if it is still that of this election. Returns when it is certain that it is not there any more, or
 * when `session` aborts, for the node goes with its session.
 */
export async function release(client: Client, layout: Layout, guid: string, session: AbortSignal): Promise<void> {
  try {
    while (!(await insist(client, session, () => tryRelease(client, layout, guid, session))));
  } catch (error) {
    if (!session.aborted) throw error;
  }
}

/** Whether `/master` is certainly not of this election any more. If not, it has changed hands meanwhile: look again. */
async function tryRelease(client: Client, layout: Layout, guid: string, session: AbortSignal): Promise<boolean> {
  // Read before the look at /master: if anyone is elected after this, the check fails and /master is not touched.
  const epoch = await client.exists(layout.epoch, { signal: session });
  if ((await findElection(client, layout, guid, session)) === undefined || epoch === undefined) return true;
  try {
    await client.transaction().check(layout.epoch, { version: epoch.version }).delete(layout.master).commit();
    return true;
  } catch (error) {
    if (isOutdated(error)) return false;
    throw error;
  }
}

/** Returns when `/master` is not there: `true` if it was there first. */
async function waitWhileTaken({ client, layout, ownGuids }: Candidate, signal: AbortSignal): Promise<boolean> {
  let wasTaken = false;
  for (;;) {
    let wake = (): void => {};
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    signal.addEventListener("abort", wake, { once: true });
    try {
      // get, not exists: on a node that is missing, exists would leave a watch behind.
      const { data, stat } = await client.get(layout.master, { watch: wake, signal });
      const record = decodeMaster(data);
      if (record.ok && ownGuids.has(record.value.guid) && stat.ephemeralOwner === client.sessionId) {
        await release(client, layout, record.value.guid, signal);
      }
      wasTaken = true;
      await changed;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return wasTaken;
      throw error;
    } finally {
      signal.removeEventListener("abort", wake);
      client.unwatch(layout.master, wake);
    }
    signal.throwIfAborted();
  }
}

async function epochVersion(client: Client, layout: Layout, signal: AbortSignal): Promise<number> {
  for (;;) {
    const stat = await client.exists(layout.epoch, { signal });
    if (stat !== undefined) return stat.version;
    await ensureSkeleton(client, layout, signal);
  }
}

/** One try from the given epoch: the zxid of the election, or `undefined` if it was not won. */
async function tryElection(
  { client, layout, id }: Candidate,
  version: number,
  guid: string,
  session: AbortSignal,
): Promise<bigint | undefined> {
  const record = encodeMaster({ id, guid, atMs: client.clock.wallMs() });
  try {
    const [set] = await client
      .transaction()
      .set(layout.epoch, record, { version })
      .create(layout.master, record, { mode: "ephemeral" })
      .commit();
    if (set?.type !== "set") throw new TypeError("The server answered an election with something else");
    return set.stat.mzxid;
  } catch (error) {
    if (isOutdated(error)) return undefined;
    if (!isInterruption(error)) throw error;
    return await findElection(client, layout, guid, session);
  }
}

/** The zxid of the election with this GUID if `/master` is there from it and belongs to the client's present session. */
async function findElection(
  client: Client,
  layout: Layout,
  guid: string,
  session: AbortSignal,
): Promise<bigint | undefined> {
  return await insist(client, session, async () => {
    try {
      await client.sync(layout.master, { signal: session });
      const { data, stat } = await client.get(layout.master, { signal: session });
      const record = decodeMaster(data);
      const mine = record.ok && record.value.guid === guid && stat.ephemeralOwner === client.sessionId;
      return mine ? stat.czxid : undefined;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  });
}
