/**
 * Several operations of which all happen, or none. The builder only remembers; nothing is checked or sent before
 * `commit()`.
 *
 * ```ts
 * await client.transaction()
 *   .check("/epoch", { version: 7 })
 *   .create("/assign/w1/t1")
 *   .delete("/tasks/t1")
 *   .commit();
 * ```
 */
import { assertNever, ErrorCode, type MultiOperation, type MultiResult, OpCode } from "@corral/protocol";
import { anyVersion, checkPath, checkVersion, createRequest, toBytes } from "./arguments.ts";
import type { Chroot } from "./chroot.ts";
import { dataOf, type Given, optionsOf, type TypedValue } from "./codecs/codec.ts";
import {
  errorFromWire,
  isCoordinationError,
  MarshallingError,
  TransactionError,
  type TransactionOperationName,
} from "./errors.ts";
import { GrantLostError } from "./grant-errors.ts";
import type { CallOptions, Data, NodeOptions } from "./options.ts";
import { publicStat, type Stat } from "./stat.ts";

/** A node was created. */
export interface CreateResult {
  readonly type: "create";
  /** The final one, sequence number included. */
  readonly path: string;
}

/** A node's data was replaced. */
export interface SetResult {
  readonly type: "set";
  readonly stat: Stat;
}

/** A node was deleted. */
export interface DeleteResult {
  readonly type: "delete";
}

/** A condition held. */
export interface CheckResult {
  readonly type: "check";
}

/** What one operation of a transaction came to. */
export type TransactionResult = CreateResult | SetResult | DeleteResult | CheckResult;

/** What a transaction resolves to: one result per operation, where the chain of calls tells which. */
export type TransactionResults<R extends readonly TransactionResult[]> = R extends readonly []
  ? TransactionResult[]
  : R;

/** Something held, by which a transaction can be guarded: every grant of a recipe is one. */
export interface TransactionGuard {
  /** The node that stands for it, and the version that it must have: −1, any, for a name that is never used again. */
  guard(): { readonly path: string; readonly version: number };
  /** Throws if it is known, without asking a server, that it is not held any more. */
  throwIfLost?(): void;
}

/** How to get the data. A codec is not asked before `commit()`, which is where its errors belong. */
type Encode = () => Data | undefined | Promise<Data>;

/** One remembered operation. */
type Step =
  | { readonly type: "check"; readonly path: string; readonly version: number }
  | { readonly type: "guard"; readonly grant: TransactionGuard }
  | { readonly type: "create"; readonly path: string; readonly encode: Encode; readonly options: NodeOptions }
  | { readonly type: "set"; readonly path: string; readonly encode: Encode; readonly version: number }
  | { readonly type: "delete"; readonly path: string; readonly version: number };

/** What a transaction needs of its client. */
export interface TransactionHost {
  readonly chroot: Chroot;
  /** Sends a multi and gives its results. */
  multi(operations: readonly MultiOperation[], options: CallOptions): Promise<readonly MultiResult[]>;
}

/** A transaction being put together. `R`: the results so far, as far as one chain of calls tells. */
export class Transaction<R extends readonly TransactionResult[] = TransactionResult[]> {
  readonly #host: TransactionHost;
  readonly #steps: Step[] = [];

  /** Use `client.transaction()`. */
  constructor(host: TransactionHost) {
    this.#host = host;
  }

  /** The node exists, and has `version` if one is given. */
  check(path: string, { version = anyVersion }: { readonly version?: number } = {}): Transaction<[...R, CheckResult]> {
    return this.#and({ type: "check", path, version });
  }

  /**
   * What is held is held still. If not, `commit()` rejects with GrantLostError, and nothing happens. Its result is that
   * of a check.
   */
  guard(grant: TransactionGuard): Transaction<[...R, CheckResult]> {
    return this.#and({ type: "guard", grant });
  }

  /** Creates a node. */
  create(path: string, data?: Data, options?: NodeOptions): Transaction<[...R, CreateResult]>;
  create<T>(path: string, value: TypedValue<T> & NodeOptions): Transaction<[...R, CreateResult]>;
  create(path: string, given?: Given<NodeOptions>, options: NodeOptions = {}): Transaction<[...R, CreateResult]> {
    const encode = (): ReturnType<Encode> => dataOf("create", path, given);
    return this.#and({ type: "create", path, encode, options: optionsOf(given, options) });
  }

  /** Replaces a node's data. */
  set(path: string, data: Data, options?: { readonly version?: number }): Transaction<[...R, SetResult]>;
  set<T>(path: string, value: TypedValue<T> & { readonly version?: number }): Transaction<[...R, SetResult]>;
  set(
    path: string,
    given: Given<{ readonly version?: number }>,
    options: { readonly version?: number } = {},
  ): Transaction<[...R, SetResult]> {
    const { version = anyVersion } = optionsOf(given, options);
    return this.#and({ type: "set", path, encode: () => dataOf("set", path, given), version });
  }

  /** Deletes a node without children. */
  delete(
    path: string,
    { version = anyVersion }: { readonly version?: number } = {},
  ): Transaction<[...R, DeleteResult]> {
    return this.#and({ type: "delete", path, version });
  }

  /** The same object under the type that knows one result more. */
  #and<X extends TransactionResult>(step: Step): Transaction<[...R, X]> {
    this.#steps.push(step);
    return this as unknown as Transaction<[...R, X]>;
  }

  /**
   * Carries it out: one result per operation, in order.
   * @throws TransactionError if an operation failed: then nothing happened. GrantLostError: the same, because a guard did.
   * ConnectionLossError: the outcome is unknown.
   */
  async commit(options: CallOptions = {}): Promise<TransactionResults<R>> {
    const steps: Operation[] = [];
    for (const step of this.#steps) {
      const unfolded = unfold(step);
      // A codec may take its time; whoever uses none is not made to wait, and keeps the order of his calls.
      steps.push(unfolded instanceof Promise ? await unfolded : unfolded);
    }
    const operations = steps.map((step) => toOperation(step, this.#host.chroot));
    if (steps.length === 0) return [] as TransactionResult[] as TransactionResults<R>;
    for (const { grant } of steps) grant?.throwIfLost?.();
    const results = await this.#host.multi(operations, options).catch((error: unknown) => {
      // The session ended before it was sent: so did what was held in it, and that is what the caller needs to know.
      if (isCoordinationError(error, "SessionExpired")) for (const { grant } of steps) grant?.throwIfLost?.();
      throw error;
    });
    const failed = failedIndex(results);
    if (failed !== undefined) throw transactionError(steps, results, failed);
    if (results.length !== steps.length) throw unexpectedResults();
    return steps.map((step, index) => toResult(step, results[index], this.#host.chroot)) as TransactionResults<R>;
  }
}

/** An operation as it is sent: a guard is a check, made of what the grant says now. */
type Operation = Exclude<Step, { type: "guard" }> & {
  readonly grant?: TransactionGuard;
  readonly data?: Data | undefined;
};

function unfold(step: Step): Operation | Promise<Operation> {
  if (step.type === "guard") {
    const { path, version } = step.grant.guard();
    return { type: "check", path, version, grant: step.grant };
  }
  if (step.type === "check" || step.type === "delete") return step;
  const data = step.encode();
  return data instanceof Promise ? data.then((encoded) => ({ ...step, data: encoded })) : { ...step, data };
}

function toOperation(step: Operation, chroot: Chroot): MultiOperation {
  const { path } = step;
  if (step.type === "create") {
    const made = createRequest("create", path, step.data, step.options, chroot);
    if (made.operation === "createTTL") return { type: OpCode.createTTL, ...made.request };
    return { type: OpCode[made.operation], ...made.request };
  }
  checkPath(step.type, path);
  checkVersion(step.type, path, step.version);
  const target = { path: chroot.toServer(path), version: step.version };
  switch (step.type) {
    case "check":
      return { type: OpCode.check, ...target };
    case "delete":
      return { type: OpCode.delete, ...target };
    case "set":
      return { type: OpCode.setData, ...target, data: toBytes("set", path, step.data) };
    default:
      assertNever(step);
  }
}

/** The operation that failed: neither one before it (0) nor one after it (RuntimeInconsistency). */
function failedIndex(results: readonly MultiResult[]): number | undefined {
  const errs = results.map((result) => (result.type === OpCode.error ? result.err : ErrorCode.Ok));
  const own = errs.findIndex((err) => err !== ErrorCode.Ok && err !== ErrorCode.RuntimeInconsistency);
  const any = own >= 0 ? own : errs.findIndex((err) => err !== ErrorCode.Ok);
  if (any >= 0) return any;
  // Error results without any error: nothing happened, and nobody says why.
  return results.some((result) => result.type === OpCode.error) ? 0 : undefined;
}

function transactionError(steps: readonly Operation[], results: readonly MultiResult[], index: number): unknown {
  const step = steps[index];
  const result = results[index];
  if (step === undefined || result === undefined || result.type !== OpCode.error) return unexpectedResults();
  const operation: TransactionOperationName = step.type;
  const expectedVersion = "version" in step && step.version !== anyVersion ? step.version : undefined;
  const detail = expectedVersion === undefined ? undefined : `expected version ${expectedVersion}`;
  const error = new TransactionError(
    index,
    operation,
    errorFromWire(result.err, { operation, path: step.path, detail, expectedVersion }),
  );
  return step.grant !== undefined && isGone(result.err) ? lossOf(step.grant, step.path, error) : error;
}

function isGone(err: number): boolean {
  return err === ErrorCode.NoNode || err === ErrorCode.BadVersion;
}

/** The grant may know better why than its node, which is just not there. */
function lossOf(grant: TransactionGuard, path: string, cause: Error): unknown {
  try {
    grant.throwIfLost?.();
  } catch (error) {
    return error;
  }
  return new GrantLostError(path, "node deleted", { cause });
}

function toResult(step: Operation, result: MultiResult | undefined, chroot: Chroot): TransactionResult {
  if (result === undefined) throw unexpectedResults();
  if (step.type === "create" && (result.type === OpCode.create || result.type === OpCode.create2)) {
    return { type: "create", path: chroot.toClient(result.path) };
  }
  if (step.type === "set" && result.type === OpCode.setData) return { type: "set", stat: publicStat(result.stat) };
  if (step.type === "delete" && result.type === OpCode.delete) return { type: "delete" };
  if (step.type === "check" && result.type === OpCode.check) return { type: "check" };
  throw unexpectedResults();
}

function unexpectedResults(): Error {
  return new MarshallingError({ operation: "transaction", detail: "the results do not match the operations" });
}
