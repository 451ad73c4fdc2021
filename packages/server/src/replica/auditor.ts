/**
 * Tells of every write, and of every failed attempt to be somebody, for the audit log. A write is told of once its outcome is
 * certain, each change that a multi makes by itself; of a multi that fails one line is told, for it changes nothing. All that a line
 * has comes from its part of the request, but for the names of who asks: where they are long, they are not repeated in all lines of
 * an entry. So the lines together are at most some times as long as the request was. Exists only where there is an audit log.
 */
import {
  CreateMode,
  ErrorCode,
  type MultiOperation,
  type MultiResult,
  OpCode,
  openAcl,
  opName,
  WatchEventType,
} from "@corral/protocol";
import type { Operation, Outcome } from "../state/operation.ts";
import type { Applied } from "../state/state-machine.ts";
import {
  type AuditedClient,
  type AuditedOperation,
  type AuditRecord,
  hasLongNames,
  mostLineBytes,
} from "./audit-record.ts";
import type { Connection } from "./connection.ts";
import type { Proposal } from "./proposals.ts";
import type { Turn } from "./turn.ts";

/** What is the same in all lines of one request. */
type Common = Pick<AuditRecord, "client" | "sessionId" | "zxid">;

/** As Apache calls it when nodes go with their session. */
const ephemeralDeleted = "ephemeralZNodeDeletionOnSessionCloseOrExpire";

/** As Apache calls a multi that has failed as a whole. */
const wholeMulti = "multiOperation";

/** See the head of this file. */
export class Auditor {
  readonly #turn: Turn;
  readonly #maxRepeatedBytes: number;
  readonly #maxEndBytes: number;
  #bytesTotal = 0;
  /** `bytesTotal` when the present entry began. */
  #bytesBefore = 0;

  /**
   * `maxRepeatedBytes`: of the lines of one entry that repeat long names; the first has them in any case. `maxEndBytes`: of the
   * lines of nodes that go with a session.
   */
  constructor(turn: Turn, maxRepeatedBytes: number, maxEndBytes: number) {
    this.#turn = turn;
    this.#maxRepeatedBytes = maxRepeatedBytes;
    this.#maxEndBytes = maxEndBytes;
  }

  /** Bytes of all lines so far, at most. */
  get bytesTotal(): number {
    return this.#bytesTotal;
  }

  /** An entry was applied. */
  onApplied({ entry, connection }: Proposal, { outcome, firings }: Applied): void {
    this.#bytesBefore = this.#bytesTotal;
    const { operation, sessionId, identities, zxid } = entry;
    const client = connection && { identities, host: connection.remote.host };
    switch (operation.type) {
      case OpCode.closeSession:
        return this.#tellEnd({ client, sessionId, zxid }, firings);
      case OpCode.deleteContainer:
        if (outcome.type !== "deleted") return;
        return this.#tell({ operation: "delete", path: operation.request.path, zxid, result: "success" });
      default:
        this.#tellOutcome({ client, sessionId, zxid }, operation, outcome);
    }
  }

  /** Each node that goes has a line, as its create has, which names the session; so that of very many the last can do with a count. */
  #tellEnd(common: Common, firings: Applied["firings"]): void {
    let untold = 0;
    for (const { type, path } of firings) {
      if (type !== WatchEventType.nodeDeleted) continue;
      if (this.#bytesTotal - this.#bytesBefore > this.#maxEndBytes) untold++;
      else this.#tell({ ...common, operation: ephemeralDeleted, path, result: "success" });
    }
    if (untold === 0) return;
    const reason = "so many more went with the session";
    this.#tell({ ...common, operation: ephemeralDeleted, result: "success", count: untold, reason });
  }

  /** A write that was refused before it came to an entry. `operation`: undefined if its body could not be read. */
  onRefused(connection: Connection, type: number, operation: Operation | undefined, outcome: Outcome): void {
    const common = { client: clientOf(connection), sessionId: connection.session?.id };
    if (operation !== undefined) return this.#tellOutcome(common, operation, outcome);
    const name = type === OpCode.multi ? wholeMulti : (opName(type) ?? String(type));
    this.#tellOne(common, { operation: name }, undefined, outcome.type === "error" ? outcome.code : undefined);
  }

  /** The log failed while this was on its way to it. */
  onLost({ entry, connection }: Proposal): void {
    this.#bytesBefore = this.#bytesTotal;
    const { sessionId, identities, zxid } = entry;
    const client = connection && { identities, host: connection.remote.host };
    const tell = (asked: AuditedOperation, part?: AuditRecord["part"]): void =>
      this.#tell({ client, sessionId, zxid, ...asked, part, result: "invoked", reason: "the log failed" });
    const { operation } = entry;
    if (operation.type === OpCode.multi) return forEachChange(operation.request, tell);
    const asked = auditedOperation(operation);
    if (asked !== undefined) tell(asked);
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

  #tellOutcome(common: Common, operation: Operation, outcome: Outcome): void {
    const failure = outcome.type === "error" ? outcome.code : undefined;
    if (operation.type !== OpCode.multi) {
      const asked = auditedOperation(operation);
      const made = outcome.type === "created" || outcome.type === "createdWithStat" ? outcome.path : undefined;
      if (asked !== undefined) this.#tellOne(common, asked, made, failure);
      return;
    }
    const parts = operation.request;
    const results = outcome.type === "multi" ? outcome.results : [];
    const failed = results.findIndex((result) => errorIn(result) !== undefined);
    const culprit = parts[failed];
    if (failure !== undefined) {
      this.#tellOne(common, { operation: wholeMulti }, undefined, failure);
    } else if (culprit !== undefined) {
      this.#tellOne(common, auditedPart(culprit), undefined, errorIn(results[failed]), partOf(parts, failed));
    } else {
      forEachChange(parts, (asked, part, i) => {
        const result = results[i];
        const made = result !== undefined && "path" in result ? result.path : undefined;
        this.#tellOne(common, asked, made, undefined, part);
      });
    }
  }

  /** `made`: the path of the node that was made. */
  #tellOne(
    { client, sessionId, zxid }: Common,
    { operation, path, createMode, acl }: AuditedOperation,
    made: string | undefined,
    error: number | undefined,
    part?: AuditRecord["part"],
  ): void {
    this.#emit({
      timeMs: this.#timeMs,
      client,
      sessionId,
      zxid,
      operation,
      path: made ?? path,
      createMode,
      acl,
      part,
      result: error === undefined ? "success" : "failure",
      error,
    });
  }

  #tell(record: Omit<AuditRecord, "timeMs">): void {
    this.#emit({ timeMs: this.#timeMs, ...record });
  }

  #emit(whole: AuditRecord): void {
    const record = this.#repeatsTooMuch(whole) ? withoutNames(whole) : whole;
    this.#bytesTotal += mostLineBytes(record);
    this.#turn.effect({ type: "audit", record });
  }

  /** Or whoever has given himself long names could fill the memory with them. */
  #repeatsTooMuch(record: AuditRecord): boolean {
    const before = this.#bytesTotal - this.#bytesBefore;
    const { client, zxid } = record;
    if (zxid === undefined || before === 0 || client === undefined || !hasLongNames(client)) return false;
    return before + mostLineBytes(record) > this.#maxRepeatedBytes;
  }

  get #timeMs(): number {
    return this.#turn.now.wallMs;
  }
}

/** What has failed a multi; of those before it its answer says 0, and they are none. */
function errorIn(result: MultiResult | undefined): number | undefined {
  return result?.type === OpCode.error && result.err !== ErrorCode.Ok ? result.err : undefined;
}

function partOf(parts: readonly MultiOperation[], index: number): AuditRecord["part"] {
  return parts.length > 1 ? { number: index + 1, of: parts.length } : undefined;
}

/** Not of what only looks: nothing comes of it, and there may be very many. */
function forEachChange(
  parts: readonly MultiOperation[],
  tell: (asked: AuditedOperation, part: AuditRecord["part"], index: number) => void,
): void {
  for (const [i, part] of parts.entries()) {
    if (part.type !== OpCode.check) tell(auditedPart(part), partOf(parts, i), i);
  }
}

const noNames: AuditedClient["identities"] = [];

function withoutNames(record: AuditRecord): AuditRecord {
  return { ...record, client: record.client && { ...record.client, identities: noNames }, namesLeftOut: true };
}

function clientOf({ identities, remote }: Connection): AuditedClient {
  return { identities, host: remote.host };
}

/** Undefined of what begins, goes on or ends a session. */
function auditedOperation(operation: Operation): AuditedOperation | undefined {
  switch (operation.type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL: {
      const { path, flags, acl } = operation.request;
      const createMode = operation.type === OpCode.createContainer ? CreateMode.container : flags;
      return { operation: "create", path, createMode, ...(!isOpen(acl) && { acl: acl ?? [] }) };
    }
    case OpCode.delete:
      return { operation: "delete", path: operation.request.path };
    case OpCode.setData:
      return { operation: "setData", path: operation.request.path };
    case OpCode.setACL:
      return { operation: "setAcl", path: operation.request.path, acl: operation.request.acl ?? [] };
    default:
      return undefined;
  }
}

function auditedPart(part: MultiOperation): AuditedOperation {
  if (part.type === OpCode.check) return { operation: "check", path: part.path };
  const { type, ...request } = part;
  const asked = auditedOperation({ type, request } as Operation);
  return asked ?? { operation: opName(type) ?? String(type) };
}

function isOpen(acl: AuditedOperation["acl"] | null): boolean {
  const [only] = acl ?? [];
  const [open] = openAcl;
  return acl?.length === 1 && only?.perms === open?.perms && only?.id.scheme === "world" && only.id.id === "anyone";
}
