/**
 * One step of the machine: the time it happens at, and everything it wants done, gathered. Output of a connection is
 * written into the connection and leaves in one piece at the end of the turn.
 */
import type { LogFields } from "@corral/io";
import type { LogRecord } from "../storage/record.ts";
import type { Connection } from "./connection.ts";
import type { Effect, Now } from "./effect.ts";

/** What one step gathers. */
export class Turn {
  now: Now = { elapsedMs: 0, wallMs: 0 };
  #effects: Effect[] = [];
  #records: LogRecord[] = [];
  readonly #withOutput = new Set<Connection>();
  readonly #atEnd: (() => void)[] = [];

  begin(now: Now): void {
    this.now = now;
    this.#effects = [];
  }

  /** Everything that is to be done, in order. */
  end(): Effect[] {
    if (this.#records.length > 0) {
      this.#effects.push({ type: "persist", records: this.#records });
      this.#records = [];
    }
    for (const connection of this.#withOutput) this.send(connection);
    this.#withOutput.clear();
    for (const act of this.#atEnd.splice(0)) act();
    return this.#effects;
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  persist(record: LogRecord): void {
    this.#records.push(record);
  }

  /** The connection has output that should leave with this turn. */
  hasOutput(connection: Connection): void {
    this.#withOutput.add(connection);
  }

  /** Does it when everything is gathered that is to be done in this step. */
  atEnd(act: () => void): void {
    this.#atEnd.push(act);
  }

  /** Lets a connection's output leave now, before later effects. */
  send(connection: Connection): void {
    if (connection.out.length === 0) return;
    const bytes = connection.out.take();
    if (connection.isDeaf) return;
    connection.unsentBytes += bytes.length;
    this.#effects.push({ type: "send", connection: connection.id, bytes });
  }

  log(level: "debug" | "info" | "warn" | "error", fields: LogFields, message: string): void {
    this.#effects.push({ type: "log", level, fields, message });
  }
}
