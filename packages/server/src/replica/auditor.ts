/**
 * Tells of every write, and of every failed attempt to be somebody, for the audit log. A write is told of once its outcome is
 * certain, each operation of a multi by itself. Exists only where there is an audit log.
 */
import { CreateMode, ErrorCode, type MultiOperation, OpCode, openAcl, opName, WatchEventType } from "@corral/protocol";
import type { Operation, Outcome } from "../state/operation.ts";
import type { Applied } from "../state/state-machine.ts";
import type { AuditedClient, AuditedOperation, AuditRecord } from "./audit-record.ts";
import type { Connection } from "./connection.ts";
import type { Proposal } from "./proposals.ts";
import type { Turn } from "./turn.ts";

/** What is the same in all lines of one request. */
type Common = Pick<AuditRecord, "client" | "sessionId" | "zxid">;

/** As Apache calls it when nodes go with their session. */
const ephemeralDeleted = "ephemeralZNodeDeletionOnSessionCloseOrExpire";

/** See the head of this file. */
export class Auditor {
  readonly #turn: Turn;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** An entry was applied. */
  onApplied({ entry, connection }: Proposal, { outcome, firings }: Applied): void {
    const { operation, sessionId, identities, zxid } = entry;
    const client = connection && { identities, host: connection.remote.host };
    switch (operation.type) {
      case OpCode.closeSession:
        for (const { type, path } of firings) {
          if (type !== WatchEventType.nodeDeleted) continue;
          this.#tell({ client, sessionId, zxid, operation: ephemeralDeleted, path, result: "success" });
        }
        return;
      case OpCode.deleteContainer:
        if (outcome.type !== "deleted") return;
        return this.#tell({ operation: "delete", path: operation.request.path, zxid, result: "success" });
      default:
        this.#tellOutcome({ client, sessionId, zxid }, auditedOperations(operation), outcome);
    }
  }

  /** A write that was refused before it came to an entry. `operation`: undefined if its body could not be read. */
  onRefused(connection: Connection, type: number, operation: Operation | undefined, outcome: Outcome): void {
    const asked =
      operation === undefined ? [{ operation: opName(type) ?? String(type) }] : auditedOperations(operation);
    this.#tellOutcome({ client: clientOf(connection), sessionId: connection.session?.id }, asked, outcome);
  }

  /** The log failed while this was on its way to it. */
  onLost({ entry, connection }: Proposal): void {
    const { sessionId, identities, zxid } = entry;
    const client = connection && { identities, host: connection.remote.host };
    const all = auditedOperations(entry.operation);
    for (const [i, asked] of all.entries()) {
      const part = all.length > 1 ? { number: i + 1, of: all.length } : undefined;
      this.#tell({ client, sessionId, zxid, ...asked, part, result: "invoked", reason: "the log failed" });
    }
  }

  /** Somebody is not who he says, or has not said it. `operation`: auth, sasl, or what he asked for instead. */
  onAuthFailed(connection: Connection, type: number, reason: string, error: number = ErrorCode.AuthFailed): void {
    const operation = opName(type) ?? String(type);
    const sessionId = connection.session?.id;
    this.#tell({ client: clientOf(connection), sessionId, operation, result: "failure", error, reason });
  }

  /** Somebody wants to go on with a session whose password he does not know. */
  onIntrusion(connection: Connection, sessionId: bigint): void {
    const client = clientOf(connection);
    const error = ErrorCode.AuthFailed;
    this.#tell({ client, sessionId, operation: "reattach", result: "failure", error, reason: "wrong password" });
  }

  #tellOutcome({ client, sessionId, zxid }: Common, operations: readonly AuditedOperation[], outcome: Outcome): void {
    const timeMs = this.#timeMs;
    const results = outcome.type === "multi" ? outcome.results : undefined;
    const single = outcome.type === "error" ? outcome.code : undefined;
    for (let i = 0; i < operations.length; i++) {
      const { operation, path, createMode, acl } = operations[i] as AuditedOperation;
      const part = operations.length > 1 ? { number: i + 1, of: operations.length } : undefined;
      const made = outcome.type === "created" || outcome.type === "createdWithStat" ? outcome : results?.[i];
      const error = single ?? errorIn(made);
      this.#emit({
        timeMs,
        client,
        sessionId,
        zxid,
        operation,
        path: made !== undefined && "path" in made ? made.path : path,
        createMode,
        acl,
        part,
        result: error === undefined ? "success" : "failure",
        error,
      });
    }
  }

  #tell(record: Omit<AuditRecord, "timeMs">): void {
    this.#emit({ timeMs: this.#timeMs, ...record });
  }

  #emit(record: AuditRecord): void {
    this.#turn.effect({ type: "audit", record });
  }

  get #timeMs(): number {
    return this.#turn.now.wallMs;
  }
}

/** Of those before the one that failed a multi's answer says 0: taken back, they have failed all the same. */
function errorIn(result: object | undefined): number | undefined {
  if (result === undefined || !("err" in result) || typeof result.err !== "number") return undefined;
  return result.err === ErrorCode.Ok ? ErrorCode.RuntimeInconsistency : result.err;
}

function clientOf({ identities, remote }: Connection): AuditedClient {
  return { identities, host: remote.host };
}

/** Those of a multi one by one; of what begins, goes on or ends a session nothing. */
function auditedOperations(operation: Operation): readonly AuditedOperation[] {
  switch (operation.type) {
    case OpCode.multi:
      return operation.request.map(auditedPart);
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL: {
      const { path, flags, acl } = operation.request;
      const createMode = operation.type === OpCode.createContainer ? CreateMode.container : flags;
      return [{ operation: "create", path, createMode, ...(!isOpen(acl) && { acl: acl ?? [] }) }];
    }
    case OpCode.delete:
      return [{ operation: "delete", path: operation.request.path }];
    case OpCode.setData:
      return [{ operation: "setData", path: operation.request.path }];
    case OpCode.setACL:
      return [{ operation: "setAcl", path: operation.request.path, acl: operation.request.acl ?? [] }];
    default:
      return [];
  }
}

function auditedPart(part: MultiOperation): AuditedOperation {
  if (part.type === OpCode.check) return { operation: "check", path: part.path };
  const { type, ...request } = part;
  const [asked] = auditedOperations({ type, request } as Operation);
  return asked ?? { operation: opName(type) ?? String(type) };
}

function isOpen(acl: AuditedOperation["acl"] | null): boolean {
  const [only] = acl ?? [];
  const [open] = openAcl;
  return acl?.length === 1 && only?.perms === open?.perms && only?.id.scheme === "world" && only.id.id === "anyone";
}
