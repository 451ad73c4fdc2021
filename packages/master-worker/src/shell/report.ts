/**
 * How a result is recorded: one multi that creates `/status/<task>` and deletes exactly the assignment under which the
 * task was run. Whoever no longer holds that assignment is refused, however late the report arrives; and since a status
 * is only ever created, none is overwritten. The multi decides, not what the worker believes: a finished result is offered
 * even by a worker whose registration is lost.
 */
import { type Client, insist, isCoordinationError, isInterruption } from "@corral/client";
import type { Layout } from "../core/layout.ts";
import { decodeStatus, encodeStatus, type StatusRecord } from "../core/payloads.ts";
import type { ReportRefusal } from "./events.ts";
import { isRefused } from "./guarded.ts";
import { ensureSkeleton } from "./skeleton.ts";

/** What became of a report. */
export type ReportOutcome =
  | { readonly recorded: true }
  | { readonly recorded: false; readonly why: ReportRefusal; readonly error?: unknown };

/** Whose report it is. */
export interface ReportTarget {
  readonly client: Client;
  readonly layout: Layout;
  readonly worker: string;
  /** Name of the assignment's node. */
  readonly assignment: string;
  readonly task: string;
}

const statusIndex = 0;
const assignmentIndex = 1;

/**
 * Records `record`, and finds out what happened when a reply is lost: tries again until it knows, through any number of
 * reconnects. Never rejects. When `signal` aborts, the outcome is `unknown`.
 */
export async function report(target: ReportTarget, record: StatusRecord, signal: AbortSignal): Promise<ReportOutcome> {
  const { client, layout, worker, assignment, task } = target;
  const status = layout.statusOf(task);
  const bytes = encodeStatus(record);
  let uncertain = false;
  const attempt = async (): Promise<ReportOutcome> => {
    // What was sent before may still be on the way; after a sync it has arrived, or never will.
    if (uncertain) await client.sync(status, { signal });
    for (;;) {
      try {
        await client
          .transaction()
          .create(status, bytes)
          .delete(layout.assignment(worker, assignment))
          .commit({ signal });
        return { recorded: true };
      } catch (error) {
        uncertain ||= isInterruption(error);
        const outcome = await judge(error, target, record, uncertain, signal);
        if (outcome !== undefined) return outcome;
      }
    }
  };
  try {
    return await insist(client, signal, attempt);
  } catch (error) {
    return refusedFor(error, signal, uncertain);
  }
}

/**
 * What a failed report means; `undefined`: make it again. Throws the error when it says nothing about the tree, or what a
 * look at the tree rejects with.
 */
async function judge(
  error: unknown,
  target: ReportTarget,
  record: StatusRecord,
  uncertain: boolean,
  signal: AbortSignal,
): Promise<ReportOutcome | undefined> {
  if (!isRefused(error)) throw error;
  const { code, index } = error;
  if (index === statusIndex && code === "NodeExists") {
    if (await isRecorded(target, record, signal)) return { recorded: true };
    return (await discard(target, signal)) ? { recorded: false, why: "alreadyRecorded" } : undefined;
  }
  if (index === statusIndex && code === "NoNode") {
    await ensureSkeleton(target.client, target.layout, signal);
    return undefined;
  }
  if (index === assignmentIndex && code === "NoNode") {
    if (!uncertain) return { recorded: false, why: "reassigned" };
    // Nothing there: recorded and taken already, or never recorded and reassigned. Nobody can tell any more.
    return (await isRecorded(target, record, signal)) ? { recorded: true } : { recorded: false, why: "unknown" };
  }
  throw error;
}

function refusedFor(error: unknown, signal: AbortSignal, uncertain: boolean): ReportOutcome {
  const cut = signal.aborted || isCoordinationError(error, "ClientClosed");
  return { recorded: false, why: cut || uncertain ? "unknown" : "error", error };
}

/** Whether the status that is there is this very report. */
async function isRecorded(
  { client, layout, task }: ReportTarget,
  record: StatusRecord,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { data } = await client.get(layout.statusOf(task), { signal });
    const found = decodeStatus(data);
    return found.ok && found.value.guid === record.guid;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return false;
    throw error;
  }
}

/**
 * The task is over by somebody else's report: this assignment of it has no purpose left. `false` if that result has been
 * taken meanwhile: then there is nothing that proves it, and the report may as well be made.
 */
async function discard(
  { client, layout, worker, assignment, task }: ReportTarget,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const transaction = client.transaction().check(layout.statusOf(task));
    await transaction.delete(layout.assignment(worker, assignment)).commit({ signal });
    return true;
  } catch (error) {
    if (!isRefused(error)) throw error;
    return error.index === assignmentIndex;
  }
}
