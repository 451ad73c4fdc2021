/**
 * A node as far as it can be known: what was read last, and whether that still stands. `current` is said only of what was
 * read on the connection that there is, and has been watched since; so a value that may be old says so itself.
 */
import { type Client, isCoordinationError, type ObservedNode, type StateEvent, type Watcher } from "@corral/client";
import { Observable, type Subscriber } from "rxjs";
import { insist } from "./insist.ts";

/** What is known of a node. */
export interface NodeView {
  /** `suspended`: not connected, or not read again since; `node` is what was read last. */
  readonly state: "current" | "suspended";
  /** `undefined`: there is no such node. `unread`: never read; only while suspended. */
  readonly node: ObservedNode | undefined | "unread";
}

/**
 * The node at `path`, now and after every change of it or of what is known of it. Completes when the client is closed;
 * errors only for what repeating cannot mend, such as a missing permission.
 */
export function viewNode(client: Client, path: string): Observable<NodeView> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const viewer = new Viewer(client, path, subscriber);
    viewer.run(stop.signal).catch((error: unknown) => {
      if (isCoordinationError(error, "ClientClosed")) subscriber.complete();
      // Whoever has unsubscribed hears nothing of this.
      else subscriber.error(error);
    });
    return () => stop.abort();
  });
}

class Viewer {
  readonly #client: Client;
  readonly #path: string;
  readonly #subscriber: Subscriber<NodeView>;
  #told: NodeView | undefined;
  #node: NodeView["node"] = "unread";
  /** Ends the round. */
  #end: () => void = () => {};

  constructor(client: Client, path: string, subscriber: Subscriber<NodeView>) {
    this.#client = client;
    this.#path = path;
    this.#subscriber = subscriber;
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#end();
    this.#client.on("state", this.#onState);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (this.#client.state !== "connected") this.#tell("suspended");
      while (!signal.aborted) await this.#round(signal);
    } finally {
      this.#client.off("state", this.#onState);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** From one read to what puts it in doubt: a change, or the end of the connection. */
  async #round(signal: AbortSignal): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    const watcher: Watcher = this.#end;
    try {
      this.#node = await insist(this.#client, () => this.#read(watcher, signal), signal);
      // Read on a connection that has broken since, it is read again.
      if (this.#client.state === "connected") this.#tell("current");
      await over;
    } finally {
      this.#client.unwatch(this.#path, watcher);
    }
  }

  async #read(watch: Watcher, signal: AbortSignal): Promise<ObservedNode | undefined> {
    for (;;) {
      try {
        return { path: this.#path, ...(await this.#client.get(this.#path, { watch, signal })) };
      } catch (error) {
        if (!isCoordinationError(error, "NoNode")) throw error;
      }
      if ((await this.#client.exists(this.#path, { watch, signal })) === undefined) return undefined;
    }
  }

  readonly #onState = ({ state }: StateEvent): void => {
    if (state === "connected") return;
    this.#tell("suspended");
    this.#end();
  };

  #tell(state: NodeView["state"]): void {
    const view: NodeView = { state, node: this.#node };
    if (this.#told !== undefined && isSame(this.#told, view)) return;
    this.#told = view;
    this.#subscriber.next(view);
  }
}

function isSame(a: NodeView, b: NodeView): boolean {
  if (a.state !== b.state) return false;
  if (typeof a.node !== "object" || typeof b.node !== "object") return a.node === b.node;
  return a.node.stat.czxid === b.node.stat.czxid && a.node.stat.mzxid === b.node.stat.mzxid;
}
