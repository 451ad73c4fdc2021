/** A warning that any client can cause with every request: of each connection at most one a second, with how many were left out. */
import type { LogFields } from "@corral/io";
import { RepeatedWarning } from "../repeated-warning.ts";
import type { Connection } from "./connection.ts";
import type { Turn } from "./turn.ts";

/** See the head of this file. */
export class ConnectionWarning {
  readonly #turn: Turn;
  readonly #message: string;
  readonly #byConnection = new WeakMap<Connection, RepeatedWarning>();

  constructor(turn: Turn, message: string) {
    this.#turn = turn;
    this.#message = message;
  }

  /** It has happened again. */
  tell(connection: Connection, fields: LogFields): void {
    let warning = this.#byConnection.get(connection);
    if (warning === undefined) {
      const turn = this.#turn;
      const logger = { warn: (about: LogFields, message: string) => turn.log("warn", about, message) };
      warning = new RepeatedWarning(this.#message, { logger, clock: { elapsedMs: () => turn.now.elapsedMs } });
      this.#byConnection.set(connection, warning);
    }
    warning.tell("", { remote: connection.remoteText, ...fields });
  }
}
