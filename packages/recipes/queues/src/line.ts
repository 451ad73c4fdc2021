/**
 * A line of those who wait for the same thing: only the first looks for it, everybody else for the one right before to
 * leave. So what comes wakes one, however many wait.
 */
import type { Client } from "@corral/client";
import { abandonTicket, contend, type Decision, decideInTurn } from "@corral/recipe-kit";

const kind = "turn-";

/** The first is served; everybody else waits for the one right before. Pure. */
export function decideTurn(names: readonly string[], own: string): Decision {
  return decideInTurn(names, [kind], own);
}

/** Which line, and as whom to stand in it. */
export interface Place {
  readonly line: string;
  readonly identity: string;
}

/**
 * Stands in line, and calls `serve` when first. `serve` resolves with what was waited for; or with `undefined` when
 * `isFirst` says that the place is lost with the session, and then it all begins again. Rejects when `signal` aborts. The
 * place is given up in the end, however it ends.
 */
export async function standInLine<T>(
  client: Client,
  { line, identity }: Place,
  signal: AbortSignal,
  serve: (isFirst: () => boolean) => Promise<T | undefined>,
): Promise<T> {
  const contest = { parent: line, kind, data: identity, decide: decideTurn };
  for (;;) {
    const ticket = await contend(client, contest, signal);
    try {
      const found = await serve(() => client.sessionId === ticket.sessionId);
      if (found !== undefined) return found;
    } finally {
      abandonTicket(client, ticket);
    }
  }
}

/** The kinds of nodes in a line, for those who explain it. */
export const lineKinds: readonly string[] = [kind];
