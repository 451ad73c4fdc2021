/** Where a task is. */
import { type Client, isCoordinationError } from "@corral/client";
import { type Layout, parseAssignmentName } from "../core/layout.ts";
import { inFlight } from "./flow.ts";

/** A task's place. `unknown`: it was never submitted, or its result has been taken. */
export type TaskLocation =
  | { readonly state: "waiting" }
  | { readonly state: "assigned"; readonly worker: string; readonly attempt: number; readonly assignment: string }
  | { readonly state: "finished" }
  | { readonly state: "unknown" };

const readsInFlight = 16;

/**
 * Looks for a task in all its places. They are looked at one after the other, in the order in which tasks move through
 * them, and the first once more at the end, for a task can come back to it.
 */
export async function locate(client: Client, layout: Layout, task: string, signal: AbortSignal): Promise<TaskLocation> {
  const options = { signal };
  await client.sync(layout.root, options);
  if ((await client.exists(layout.task(task), options)) !== undefined) return { state: "waiting" };
  const assigned = await findAssignment(client, layout, task, signal);
  if (assigned !== undefined) return assigned;
  if ((await client.exists(layout.statusOf(task), options)) !== undefined) return { state: "finished" };
  if ((await client.exists(layout.task(task), options)) !== undefined) return { state: "waiting" };
  return { state: "unknown" };
}

async function findAssignment(
  client: Client,
  layout: Layout,
  task: string,
  signal: AbortSignal,
): Promise<Extract<TaskLocation, { state: "assigned" }> | undefined> {
  const workers = await childrenOrNone(client, layout.assign, signal);
  const queues = await inFlight(readsInFlight, workers, async (worker) => ({
    worker,
    names: await childrenOrNone(client, layout.queue(worker), signal),
  }));
  let newest: Extract<TaskLocation, { state: "assigned" }> | undefined;
  for (const { worker, names } of queues) {
    for (const assignment of names) {
      const parts = parseAssignmentName(assignment);
      if (parts?.task !== task || parts.attempt <= (newest?.attempt ?? 0)) continue;
      newest = { state: "assigned", worker, attempt: parts.attempt, assignment };
    }
  }
  return newest;
}

async function childrenOrNone(client: Client, path: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await client.children(path, { signal });
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return [];
    throw error;
  }
}
