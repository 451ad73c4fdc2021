/**
 * The replicated state: apply(entry) is the only way in which it changes. Synchronous and deterministic; touches no
 * clock, randomness, disk, network or configuration, so that every server that applies the same entries is the same.
 */
import { assert, assertNever, ErrorCode, OpCode } from "@corral/protocol";
import { DataTree } from "./data-tree.ts";
import { attachSession, type Entry, type Outcome, restorePart } from "./operation.ts";
import { applySetAcl, applySetData } from "./operations/change.ts";
import type { Firing, OperationContext } from "./operations/context.ts";
import { applyCreate } from "./operations/create.ts";
import { applyDelete, applyReap } from "./operations/delete.ts";
import { applyMulti } from "./operations/multi.ts";
import { applyAttachSession, applyCloseSession, applyCreateSession } from "./operations/session.ts";
import type { QuotaExcess } from "./quota.ts";
import { Restoration } from "./restoration.ts";
import { SessionTable } from "./session-table.ts";
import type { SnapshotState } from "./snapshot.ts";
import { type Digest, sumOfDigests } from "./tree-digest.ts";

/** As the reference has it; a power of two. */
const digestLogDistance = 128;
const digestLogLength = 1_024;

/** What applying an entry did. */
export interface Applied {
  readonly outcome: Outcome;
  /** For the watches, in order. */
  readonly firings: readonly Firing[];
  /** For the log: quotas that a write went beyond, or tried to. */
  readonly excesses: readonly QuotaExcess[];
}

/** Tree and sessions as of one zxid. */
export class StateMachine {
  readonly #restoration: Restoration;
  #tree: DataTree;
  #sessions: SessionTable;
  #lastZxid: number;
  readonly #digestLog: { readonly zxid: number; readonly digest: Digest }[] = [];

  /** `hashSeed`: of a fresh tree, see `DataTree`. */
  constructor(state?: SnapshotState, hashSeed?: number) {
    this.#tree = state?.tree ?? DataTree.fresh(hashSeed);
    this.#restoration = new Restoration(this.#tree.hashSeed);
    this.#sessions = state?.sessions ?? new SessionTable();
    this.#lastZxid = state?.lastZxid ?? 0;
  }

  /** Another one after a snapshot was restored. */
  get tree(): DataTree {
    return this.#tree;
  }

  /** Another one after a snapshot was restored. */
  get sessions(): SessionTable {
    return this.#sessions;
  }

  /** Whether pieces of a snapshot were taken that is not whole yet: they would be missing in a snapshot taken now. */
  get isRestoring(): boolean {
    return this.#restoration.isUnderWay;
  }

  /** Of tree and sessions as they are now. */
  get digest(): Digest {
    return sumOfDigests(this.#tree.digest, this.#sessions.digest);
  }

  /** zxid of the last entry applied. */
  get lastZxid(): number {
    return this.#lastZxid;
  }

  /** @throws DecodeError when the entry is a piece of a snapshot that cannot be restored. */
  apply(entry: Entry): Applied {
    assert(entry.zxid > this.#lastZxid, () => `zxid ${entry.zxid} comes after ${this.#lastZxid}`);
    this.#lastZxid = entry.zxid;
    const excesses: QuotaExcess[] = [];
    const context: OperationContext = {
      tree: this.tree,
      sessions: this.sessions,
      stamp: entry,
      sessionId: entry.sessionId,
      identities: entry.identities,
      enforcesQuota: entry.enforcesQuota,
      oldRules: entry.oldRules === true,
      firings: [],
      excesses,
    };
    const outcome = this.#apply(context, entry);
    if ((entry.zxid & (digestLogDistance - 1)) === 0) this.#logDigest();
    return { outcome, firings: context.firings, excesses };
  }

  /** Digests of the tree at some zxids, ascending: of every 128th, as the reference has it, so that servers can be compared. */
  get digestLog(): readonly { readonly zxid: number; readonly digest: Digest }[] {
    return this.#digestLog;
  }

  #logDigest(): void {
    this.#digestLog.push({ zxid: this.#lastZxid, digest: this.tree.digest });
    if (this.#digestLog.length > digestLogLength) this.#digestLog.shift();
  }

  #apply(context: OperationContext, entry: Entry): Outcome {
    const { operation } = entry;
    switch (operation.type) {
      case OpCode.createSession:
        return applyCreateSession(context, operation.request);
      case attachSession:
        return applyAttachSession(context, operation.request);
      case OpCode.deleteContainer:
        return applyReap(context, operation.request);
      case restorePart: {
        const restored = this.#restoration.take(operation.request, context.stamp);
        if (restored === "refused") return { type: "error", code: ErrorCode.BadArguments };
        if (restored === "taken") return { type: "restorePartTaken", isRestored: false };
        this.#tree = restored;
        this.#sessions = new SessionTable();
        return { type: "restorePartTaken", isRestored: true };
      }
    }
    const session = this.sessions.get(entry.sessionId);
    // Whatever a client asked for ends with its session: nothing may outlive it, least of all an ephemeral.
    if (session === undefined) return { type: "error", code: ErrorCode.SessionExpired };
    // Asked for over a connection that the client has left: it may long have looked elsewhere whether it happened.
    if (entry.attachment !== 0 && entry.attachment !== session.attachment) {
      return { type: "error", code: ErrorCode.SessionMoved };
    }
    switch (operation.type) {
      case OpCode.closeSession:
        return applyCloseSession(context);
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return applyCreate(context, operation.type, operation.request);
      case OpCode.delete:
        return applyDelete(context, operation.request);
      case OpCode.setData:
        return applySetData(context, operation.request);
      case OpCode.setACL:
        return applySetAcl(context, operation.request);
      case OpCode.multi:
        return applyMulti(context, operation.request);
      default:
        return assertNever(operation);
    }
  }
}
