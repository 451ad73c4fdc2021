/**
 * Keeps the server's watches as the registry wants them: armed again on every connection, taken back when nobody waits
 * any more, and their owners called when they cannot be kept.
 */
import { ErrorCode } from "@corral/protocol";
import { limits } from "./limits.ts";
import type { SeenZxid } from "./seen-zxid.ts";
import type { SessionOutput } from "./session-output.ts";
import type { SessionRequest } from "./session-types.ts";
import type { WatchEventKind, Watcher } from "./watch-event.ts";
import { type ServerWatch, type WatchersOfPath, WatchRegistry } from "./watch-registry.ts";

/** The watches of one session. */
export class WatchKeeper<R extends SessionRequest> {
  readonly #registry = new WatchRegistry();
  readonly #out: SessionOutput<R>;
  readonly #seen: SeenZxid;

  constructor(out: SessionOutput<R>, seen: SeenZxid) {
    this.#out = out;
    this.#seen = seen;
  }

  /** Watchers waiting. */
  get size(): number {
    return this.#registry.size;
  }

  /** A connection is open: everything that is watched goes to the server, with how much has been seen of it. */
  rearm(): void {
    const batches = this.#registry.batches(limits.setWatchesPathBytes);
    const relativeZxid = this.#seen.rearm(batches.length);
    for (const batch of batches) {
      this.#out.request("rearm", (xid) => ({ type: "setWatches", xid, watches: { relativeZxid, ...batch } }));
    }
  }

  /** One of those is answered. */
  onRearmed(err: number): void {
    const wasLast = this.#seen.rearmed();
    if (err !== ErrorCode.Ok) {
      // Watches that the server does not hold would wait for ever. Woken, their owners read again and find out.
      const what = "the server refused to take the watches up again; all watchers are called";
      this.#out.log("error", what, { err });
      this.callAll("lost");
    } else if (wasLast) {
      for (const watchers of this.#registry.recursive()) this.#call("resync", watchers);
    }
  }

  /** A request that asks for a watch is sent. */
  onSent({ watch, path }: R): void {
    if (watch !== undefined) this.#registry.expect(watch.kind, path);
  }

  /** It is answered. `readable`: whoever asked can be told what the answer says. */
  onAnswered({ watch, path, abandoned }: R, err: number, readable = true): void {
    if (watch === undefined) return;
    const watcher = abandoned || !readable ? undefined : watch.watcher;
    const forNobody = this.#registry.settle(watch.kind, path, watcher, err);
    if (forNobody !== undefined) this.#takeBack([forNobody]);
  }

  /** The connection is gone, and with it what the server watched. */
  onDropped(): void {
    this.#registry.expectNothing();
  }

  /** The server says that something happened. */
  onEvent(event: WatchEventKind, path: string): void {
    const watchers = this.#registry.take(event, path);
    if (watchers.length > 0) this.#call(event, { path, watchers });
  }

  /** Forgets a watcher. */
  remove(path: string, watcher: Watcher): void {
    this.#takeBack(this.#registry.remove(path, watcher));
  }

  /** Calls everybody, for the last time. */
  callAll(event: "lost" | "closed"): void {
    for (const watchers of this.#registry.takeAll()) this.#call(event, watchers);
  }

  #call(event: WatchEventKind, { path, watchers }: WatchersOfPath): void {
    this.#out.effect({ type: "event", event, path, watchers });
  }

  /** What nobody waits for is not to be watched. Without a connection there is nothing that the server holds. */
  #takeBack(watches: readonly ServerWatch[]): void {
    if (!this.#out.isOpen) return;
    for (const watch of watches) this.#out.request("unwatch", (xid) => ({ type: "removeWatches", xid, watch }));
  }
}
