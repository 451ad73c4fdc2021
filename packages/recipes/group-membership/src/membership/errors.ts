/** What can come of joining. Recognised by a mark, so that two copies of the package agree. */

const mark = Symbol.for("corral.group-membership.error");

/** The name is held by another process that lives. Nothing was registered. */
export class MemberNameTakenError extends Error {
  override readonly name = "MemberNameTakenError";
  /** The member's node. */
  readonly path: string;
  /** Whose it is; 0: of nobody's session, the node is not ephemeral and will not go by itself. */
  readonly sessionId: bigint;

  constructor(path: string, sessionId: bigint) {
    const holder = sessionId === 0n ? "a node that belongs to no session" : `session 0x${sessionId.toString(16)}`;
    super(
      `${path} is held by ${holder}. Give each process a name of its own, or join with whenTaken: "wait" or "replace".`,
    );
    this.path = path;
    this.sessionId = sessionId;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` says that a member's name is taken, of whatever copy of the package it is. */
export function isMemberNameTakenError(error: unknown): error is MemberNameTakenError {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === "MemberNameTakenError";
}
