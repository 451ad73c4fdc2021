/** What happened, sent to those who watch for it and may know. */
import { Permission } from "@corral/protocol";
import type { Behaviour } from "../compatibility.ts";
import { allows } from "../state/access.ts";
import type { Firing } from "../state/operations/context.ts";
import type { WatchTable } from "../watch/watch-table.ts";
import type { Connection } from "./connection.ts";
import { writeEvent } from "./replies.ts";
import type { ServerStats } from "./server-stats.ts";
import type { Turn } from "./turn.ts";

/** What events go by. */
export interface EventsParts {
  readonly turn: Turn;
  readonly watches: WatchTable<Connection>;
  readonly stats: ServerStats;
  readonly behaviour: Behaviour;
}

/** In an event that no one transaction is behind, as the reference has it. */
const noZxid = -1;

/** Sends events; see the head of this file. */
export class Events {
  readonly #parts: EventsParts;

  constructor(parts: EventsParts) {
    this.#parts = parts;
  }

  /** What the transaction with this zxid has caused. */
  fire(firings: readonly Firing[], zxid: number): void {
    const { watches, behaviour, stats } = this.#parts;
    const shownZxid = behaviour.eventsTellZxid ? zxid : noZxid;
    for (const { type, path, acl } of firings) {
      if (!watches.mayFire(path)) continue;
      let fired = 0;
      watches.fire(type, path, (connection) => {
        fired++;
        if (behaviour.eventsNeedRead && !allows(acl, Permission.read, connection.identities)) return;
        this.#send(connection, shownZxid, type, path);
      });
      if (fired > 0) stats.watchesFired.get(type)?.add(fired);
    }
  }

  /** What a connection was found to have missed. */
  readonly sendMissed = (connection: Connection, type: number, path: string): void => {
    this.#send(connection, noZxid, type, path);
  };

  #send(connection: Connection, zxid: number, type: number, path: string): void {
    const { turn, stats } = this.#parts;
    writeEvent(connection.out, zxid, type, path);
    stats.onEvent(connection.out.lastFrameBytes);
    connection.stats.sent++;
    turn.hasOutput(connection);
  }
}
