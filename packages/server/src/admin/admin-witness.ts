/** Sees who comes to the admin port and what he has done there: for the log, the audit log and metrics. */
import type { Clock, HttpSurplus, Logger } from "@corral/io";
import { ErrorCode } from "@corral/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { RepeatedWarning } from "../repeated-warning.ts";
import type { AuditRecord } from "../replica/audit-record.ts";

/** What came of a command. */
export type CommandOutcome = Pick<AuditRecord, "result" | "reason" | "zxid">;

/** Of what somebody asked for who may not: so much is told. */
const maxAskedLength = 100;

/** See the head of this file. */
export class AdminWitness {
  readonly #clock: Clock;
  readonly #audit: () => Pick<AuditLog, "write"> | undefined;
  readonly #refusal: RepeatedWarning;
  #unauthorizedTotal = 0;
  #refusedTotal = 0;

  /** `audit`: undefined while there is none. */
  constructor(parts: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly audit: () => Pick<AuditLog, "write"> | undefined;
  }) {
    this.#clock = parts.clock;
    this.#audit = parts.audit;
    this.#refusal = new RepeatedWarning("refused on the admin port", parts);
  }

  /** Requests without the admin token, or with a wrong one. */
  get unauthorizedTotal(): number {
    return this.#unauthorizedTotal;
  }

  /** Connections that the limit has closed. */
  get refusedTotal(): number {
    return this.#refusedTotal;
  }

  /** Somebody asked for `what`, which may be any text, without the token, or with a wrong one. */
  onUnauthorized(remote: string, what: string, isShown: boolean): void {
    this.#unauthorizedTotal++;
    const asked = what.slice(0, maxAskedLength);
    const reason = isShown ? "a wrong admin token" : "no admin token";
    this.#refusal.tell(reason, { remote, asked, reason });
    this.#write(remote, asked, { result: "failure", reason, error: ErrorCode.AuthFailed });
  }

  /** A connection was closed, for there are `limit`: a new one, or for its sake one that asked for nothing, or took nothing. */
  onRefused(remote: string, limit: number, why: HttpSurplus): void {
    this.#refusedTotal++;
    const said = {
      silent: "it asked for nothing, and made room for others",
      stalled: "it took nothing of its answer, and made room for others",
      new: `${limit} connections are open`,
    };
    const reason = `${said[why]} (limit maxAdminConnections)`;
    this.#refusal.tell(`maxAdminConnections ${why}`, { remote, reason });
  }

  /** A command that hands out or changes what the server holds was carried out, or failed. */
  onCommand(remote: string, operation: string, outcome: CommandOutcome): void {
    this.#write(remote, operation, outcome);
  }

  #write(remote: string, operation: string, outcome: CommandOutcome & Pick<AuditRecord, "error">): void {
    const client = { host: remote, identities: [{ scheme: "ip", id: remote }] };
    this.#audit()?.write({ timeMs: this.#clock.wallMs(), client, operation, ...outcome });
  }
}
