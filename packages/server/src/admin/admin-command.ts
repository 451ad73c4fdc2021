/** What a command of the admin port is. */
import type { JsonValue } from "./json.ts";
import type { Subject } from "./subject.ts";

/** The fields of an answer. */
export type CommandBody = Readonly<Record<string, JsonValue>>;

/** One command. */
export interface AdminCommand {
  /** The reference's name, and then its other ones. */
  readonly names: readonly [string, ...string[]];
  /** Whether it is there only where an admin token is set. */
  readonly needsToken?: true;
  /** Whether the audit log is told of it. */
  readonly isAudited?: true;
  /** The parameters that it takes; another is refused with status 400. By default all are, and passed over, as the reference does. */
  readonly parameters?: readonly string[];
  /** How it must be asked for; by default in any way. */
  readonly method?: "POST";
  /** Gives the fields of the answer, or an answer that is no JSON. @throws CommandError */
  readonly run: (
    subject: Subject,
    query: URLSearchParams,
    request: Request,
  ) => CommandBody | Response | Promise<CommandBody | Response>;
}

/** A command that cannot be carried out as it was asked. The reference answers most of these with status 200. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(message: string, status = 200, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
