/** What to do about a name that somebody holds already. Pure. */

/** What to do when the name is held by another process. */
export type WhenTaken = "recover" | "wait" | "refuse" | "replace";

/** Who holds the name. */
export interface NameHolder {
  /** Tells this registration of the name from every other. */
  readonly czxid: bigint;
  /** 0: the node belongs to no session. */
  readonly sessionId: bigint;
  /** Timeout of its session, ms, if it told. */
  readonly sessionTimeoutMs: number | undefined;
}

/** What is known besides. */
export interface TakenView {
  readonly holder: NameHolder;
  readonly whenTaken: WhenTaken;
  /** Our session. */
  readonly sessionId: bigint;
  readonly sessionTimeoutMs: number;
  /** Whether the holder's session was an earlier one of this very client, which is over. */
  readonly isFormer: boolean;
  /** Whether the holder is a membership of this very client that is held now. */
  readonly isHeldHere: boolean;
  /** The holder that was met first, and when. */
  readonly met: { readonly czxid: bigint; readonly atMs: number };
  readonly nowMs: number;
}

/** `waitMs`: look again when the node has gone, and after so long at the latest. */
export type TakenDecision =
  | { readonly kind: "take over" }
  | { readonly kind: "wait"; readonly waitMs: number }
  | { readonly kind: "refuse" };

/**
 * What this client has left behind itself, in a session that is over or by an attempt that was given up, is taken over.
 * Of another process nobody can tell whether it lives. `recover`: one that has died loses its node within its session's
 * timeout, or twice that when the servers change their leader meanwhile; so wait that long. Whoever is there then lives;
 * and whoever has come meanwhile does, too.
 */
export function decideTaken(view: TakenView): TakenDecision {
  const { holder, whenTaken, sessionId } = view;
  if (view.isFormer || whenTaken === "replace") return { kind: "take over" };
  if (holder.sessionId === sessionId && !view.isHeldHere) return { kind: "take over" };
  if (whenTaken === "wait") return { kind: "wait", waitMs: Number.POSITIVE_INFINITY };
  if (whenTaken === "refuse" || holder.sessionId === sessionId || holder.sessionId === 0n) return { kind: "refuse" };
  if (holder.czxid !== view.met.czxid) return { kind: "refuse" };
  const lifeMs = 2 * Math.max(holder.sessionTimeoutMs ?? 0, view.sessionTimeoutMs);
  const waitMs = view.met.atMs + lifeMs - view.nowMs;
  return waitMs > 0 ? { kind: "wait", waitMs } : { kind: "refuse" };
}
