/**
 * Writes that only the present master can make. `/epoch` is never deleted, and its version grows with each election, in
 * the same multi that creates `/master`: so a multi that first checks this version fails, whole, as soon as anybody else
 * has been elected, however late it arrives. (A check of `/master` would not do: a node made anew starts at version 0 again.)
 */
import { type Client, isCoordinationError, type Transaction, type TransactionError } from "@corral/client";
import type { Layout } from "../core/layout.ts";

/** Begins a multi that applies only while `epoch` is the group's present epoch. */
export function guardedTransaction(client: Client, layout: Layout, epoch: number): Transaction {
  return client.transaction().check(layout.epoch, { version: epoch });
}

/** Whether a multi was refused by one of its operations, and so certainly changed nothing. */
export function isRefused(error: unknown): error is TransactionError {
  return isCoordinationError(error) && error.name === "TransactionError";
}

/** Whether a multi was refused because the tree is not, or no longer, as it supposed: a look at it will tell more. */
export function isOutdated(error: unknown): error is TransactionError {
  return isRefused(error) && (error.code === "NoNode" || error.code === "NodeExists" || error.code === "BadVersion");
}

/** Whether a guarded multi was refused because its epoch is over (or `/epoch` itself is gone, which ends every epoch). */
export function isStaleEpoch(error: unknown): error is TransactionError {
  return isRefused(error) && error.index === 0 && (error.code === "BadVersion" || error.code === "NoNode");
}
