/** The connections of this server: which there are, which session each speaks for, and how each ends. */
import type { Address } from "@corral/io";
import { assert, type Id } from "@corral/protocol";
import type { WatchTable } from "../watch/watch-table.ts";
import { Connection, formatSessionId } from "./connection.ts";
import type { ConnectionId } from "./effect.ts";
import { Load } from "./load.ts";
import type { ClockedSession } from "./session-clock.ts";
import type { Turn } from "./turn.ts";

/** All connections, by number and by session. */
export class Connections {
  /** What they hold together. */
  readonly load = new Load();
  /** Those ended, ever, because of what their clients did, or because there was no room for them. */
  closedTotal = 0;
  readonly #turn: Turn;
  readonly #watches: WatchTable<Connection>;
  readonly #all = new Map<ConnectionId, Connection>();
  readonly #attached = new Map<bigint, Connection>();

  constructor(turn: Turn, watches: WatchTable<Connection>) {
    this.#turn = turn;
    this.#watches = watches;
  }

  get count(): number {
    return this.#all.size;
  }

  /** `identities`: those that it has besides its address. `isSecure`: whether it came to the port for TLS. */
  open(id: ConnectionId, remote: Address, identities: readonly Id[] = [], isSecure = false): void {
    assert(!this.#all.has(id), `connection ${id} is new`);
    const connection = new Connection(id, remote, this.#turn.now.elapsedMs, this.load);
    connection.isSecure = isSecure;
    connection.prove(identities);
    this.#all.set(id, connection);
  }

  /** The connection, unless it has ended. */
  get(id: ConnectionId): Connection | undefined {
    return this.#all.get(id);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#all.values();
  }

  /** The connection over which a session talks, if it does over this server. */
  ofSession(sessionId: bigint): Connection | undefined {
    return this.#attached.get(sessionId);
  }

  /** From now on the session talks over this connection. */
  attach(session: ClockedSession, connection: Connection): void {
    connection.session = session;
    this.#attached.set(session.id, connection);
  }

  /** The connection is gone. Its session is not; its watches are. */
  forget(connection: Connection): void {
    connection.phase = "closing";
    this.#all.delete(connection.id);
    this.#watches.removeWatcher(connection);
    connection.queue.clear();
    connection.unsentBytes = 0;
    const { session } = connection;
    if (session !== undefined && this.#attached.get(session.id) === connection) this.#attached.delete(session.id);
  }

  /** Ends a connection, after what was written to it so far unless that is not wanted, and says why in the log. */
  close(
    connection: Connection,
    reason: string,
    options: {
      readonly level?: "debug" | "info" | "warn";
      readonly isMutual?: boolean;
      readonly isAbrupt?: boolean;
    } = {},
  ): void {
    if (connection.phase === "closing") return;
    const { level = "warn", isMutual = false, isAbrupt = false } = options;
    if (level === "warn") this.closedTotal++;
    if (isAbrupt) this.#letGo(connection);
    else this.#turn.send(connection);
    this.#turn.effect({ type: "close", connection: connection.id, isMutual, isAbrupt });
    this.#turn.log(
      level,
      {
        remote: connection.remoteText,
        ...(connection.session && { session: formatSessionId(connection.session.id) }),
        reason,
      },
      "connection closed",
    );
    this.forget(connection);
  }

  /** What was sent to it in this step is there until the step has ended, so others have no room for it yet. */
  #letGo(connection: Connection): void {
    connection.out.take();
    const { unsentBytes } = connection;
    this.load.unsentBytes += unsentBytes;
    this.#turn.atEnd(() => {
      this.load.unsentBytes -= unsentBytes;
    });
  }
}
