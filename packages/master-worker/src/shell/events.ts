/** What masters and workers tell, and the emitter through which they do. */
import type { Logger } from "@corral/io";
import { EventEmitter } from "eventemitter3";
import type { Action } from "../core/decide.ts";
import type { StatusKind, TaskFailure } from "../core/payloads.ts";
import type { Quarantined } from "./group-mirror.ts";
import type { TenureEnd } from "./tenure.ts";

/** Where events can be listened to. What a listener throws is logged. */
export interface EventSource<Events extends object> {
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
}

/** The owner's side of an `EventSource`. */
export class Announcer<Events extends object> {
  readonly #emitter = new EventEmitter();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The listeners' side. */
  get source(): EventSource<Events> {
    return this.#emitter as EventSource<Events>;
  }

  /** Calls the listeners. Never throws: a listener's fault must not stop a master. */
  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    try {
      this.#emitter.emit(name, event);
    } catch (err) {
      this.#logger.error({ err, event: name }, "A listener threw");
    }
  }
}

/** The events of a `Master`, by name. */
export interface MasterEvents {
  /** It is the master. `zxid` is that of the election; `tookMs` counts from when it saw that there was none. */
  elected: { readonly epoch: number; readonly zxid: bigint; readonly tookMs: number };
  /** What earlier masters left has been put right, and assigning begins. `tookMs` counts from the election. */
  active: { readonly epoch: number; readonly tookMs: number };
  /** The connection is gone: it has stopped writing, and does not know whether it is still the master. */
  suspended: { readonly epoch: number };
  /** It still is. */
  resumed: { readonly epoch: number };
  /** It has stepped down of its own will. */
  resigned: { readonly epoch: number };
  /** It is no longer the master. */
  lost: { readonly epoch: number; readonly why: Exclude<TenureEnd, "resigned"> };
  assigned: { readonly epoch: number; readonly task: string; readonly worker: string; readonly attempt: number };
  /** Tasks taken back from a worker that is gone, or from an earlier process of its id. */
  reassigned: { readonly epoch: number; readonly worker: string; readonly count: number };
  /** A task was recorded as failed without a worker's result: tried too often, or unreadable. */
  buried: { readonly epoch: number; readonly task: string; readonly attempts: number; readonly error: TaskFailure };
  /** A write of this master was refused, whole, because a later epoch exists. */
  staleWriteRefused: { readonly epoch: number; readonly action: Action["type"]; readonly path: string };
  /** A node that is left alone: malformed, or of a later format. */
  quarantined: Quarantined;
  /** Something unexpected went wrong; it is tried again after a delay. */
  trouble: { readonly error: unknown };
}

/** Why a report was refused. */
export type ReportRefusal =
  /** The assignment is gone: the task was given to somebody else (or to this worker again), or cancelled. */
  | "reassigned"
  /** The task has a result already. */
  | "alreadyRecorded"
  /** The reply was lost, and neither assignment nor result are there now: recorded and taken, or reassigned. */
  | "unknown"
  /** The server refused it for a reason of its own; see `error`. */
  | "error";

/** The events of a `Worker`, by name. */
export interface WorkerEvents {
  /** It can be given tasks. `czxid` is that of its registration. */
  registered: { readonly czxid: bigint };
  /** The registration is over, and with it every assignment: what runs has been told to stop. */
  lost: { readonly why: "sessionLost" | "unregistered" };
  started: { readonly task: string; readonly attempt: number };
  /** The result is recorded, by this worker and by nobody else. */
  reported: { readonly task: string; readonly attempt: number; readonly kind: StatusKind; readonly tookMs: number };
  /** The result is not recorded. What the task did outside cannot be undone. */
  reportRefused: {
    readonly task: string;
    readonly attempt: number;
    readonly kind: StatusKind;
    readonly why: ReportRefusal;
    readonly error?: unknown;
  };
  /** The task stopped because it was told to: no result. */
  abandoned: { readonly task: string; readonly attempt: number; readonly why: unknown };
  /** An assignment that this worker cannot read and leaves alone. */
  quarantined: Quarantined;
  /** Something unexpected went wrong; it is tried again after a delay. */
  trouble: { readonly error: unknown };
}
