/** Doing without a participant that will never come back: what waits for it is closed in its place. */
import { type Client, isCoordinationError } from "@corral/client";
import { childrenOrNone, insist } from "@corral/recipe-kit";
import { ParticipantServingError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { look, writeDecision } from "./look.ts";

/**
 * Aborts what is undecided, and acknowledges everything in the participant's place; then nobody can begin a transaction
 * with it any more. Gives the ids of those that were committed and that it has not carried out.
 * @throws ParticipantServingError if a process serves for it
 */
export async function retire(client: Client, layout: Layout, name: string, signal: AbortSignal): Promise<string[]> {
  const children = (path: string) => insist(client, () => childrenOrNone(client, path, signal), signal);
  const committed: string[] = [];
  for (;;) {
    if ((await children(layout.serving(name))).length > 0) throw new ParticipantServingError(name);
    for (const id of await children(layout.inbox(name))) {
      if ((await close(client, layout, name, id, signal)) === "commit") committed.push(id);
    }
    try {
      await insist(client, () => client.delete(layout.inbox(name), { signal }), signal);
    } catch (error) {
      // One more was begun meanwhile.
      if (isCoordinationError(error, "NotEmpty")) continue;
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    return committed;
  }
}

async function close(client: Client, layout: Layout, name: string, id: string, signal: AbortSignal) {
  for (;;) {
    const sight = await look({ client, layout, id }, signal);
    if (sight !== undefined && sight.view.decision === undefined) {
      const outcome = { decision: "abort", by: name, reason: "it was retired" } as const;
      await writeDecision({ client, layout, id }, sight.record, outcome, signal);
      continue;
    }
    for (const path of [layout.task(name, id), layout.vote(id, name)]) {
      await insist(client, () => remove(client, path, signal), signal);
    }
    return sight?.view.decision;
  }
}

async function remove(client: Client, path: string, signal: AbortSignal): Promise<void> {
  try {
    await client.delete(path, { signal });
  } catch (error) {
    if (!isCoordinationError(error, "NoNode")) throw error;
  }
}
