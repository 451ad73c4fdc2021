/** Waiting for a client to be told something of its connection. */
import type { Client, ClientState, StateEvent } from "@corral/client";

/** Resolves with the next change to `state`. Ask before causing it. */
export function nextState(client: Client, state: ClientState): Promise<StateEvent> {
  return new Promise((resolve) => {
    const listener = (event: StateEvent): void => {
      if (event.state !== state) return;
      client.off("state", listener);
      resolve(event);
    };
    client.on("state", listener);
  });
}
