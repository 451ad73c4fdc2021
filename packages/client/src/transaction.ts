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
import { errorFromWire, MarshallingError, TransactionError, type TransactionOperationName } from "./errors.ts";
import type { CallOptions, Data, NodeOptions } from "./options.ts";
import { publicStat, type Stat } from "./stat.ts";

/** What one operation of a transaction came to. */
export type TransactionResult =
  /** `path` is the final one, sequence number included. */
  | { readonly type: "create"; readonly path: string }
  | { readonly type: "set"; readonly stat: Stat }
  | { readonly type: "delete" }
  | { readonly type: "check" };

/** One remembered operation. */
type Step =
  | { readonly type: "check"; readonly path: string; readonly version: number }
  | { readonly type: "create"; readonly path: string; readonly data: Data | undefined; readonly options: NodeOptions }
  | { readonly type: "set"; readonly path: string; readonly data: Data; readonly version: number }
  | { readonly type: "delete"; readonly path: string; readonly version: number };

/** What a transaction needs of its client. */
export interface TransactionHost {
  readonly chroot: Chroot;
  /** Sends a multi and gives its results. */
  multi(operations: readonly MultiOperation[], options: CallOptions): Promise<readonly MultiResult[]>;
}

/** A transaction being put together. */
export class Transaction {
  readonly #host: TransactionHost;
  readonly #steps: Step[] = [];

  /** Use `client.transaction()`. */
  constructor(host: TransactionHost) {
    this.#host = host;
  }

  /** The node exists, and has `version` if one is given. */
  check(path: string, { version = anyVersion }: { readonly version?: number } = {}): this {
    this.#steps.push({ type: "check", path, version });
    return this;
  }

  /** Creates a node. */
  create(path: string, data?: Data, options: NodeOptions = {}): this {
    this.#steps.push({ type: "create", path, data, options });
    return this;
  }

  /** Replaces a node's data. */
  set(path: string, data: Data, { version = anyVersion }: { readonly version?: number } = {}): this {
    this.#steps.push({ type: "set", path, data, version });
    return this;
  }

  /** Deletes a node without children. */
  delete(path: string, { version = anyVersion }: { readonly version?: number } = {}): this {
    this.#steps.push({ type: "delete", path, version });
    return this;
  }

  /**
   * Carries it out: one result per operation, in order.
   * @throws TransactionError if an operation failed: then nothing happened. ConnectionLossError: the outcome is unknown.
   */
  async commit(options: CallOptions = {}): Promise<TransactionResult[]> {
    const steps = [...this.#steps];
    const operations = steps.map((step) => toOperation(step, this.#host.chroot));
    if (steps.length === 0) return [];
    const results = await this.#host.multi(operations, options);
    const failed = failedIndex(results);
    if (failed !== undefined) throw transactionError(steps, results, failed);
    if (results.length !== steps.length) throw unexpectedResults();
    return steps.map((step, index) => toResult(step, results[index], this.#host.chroot));
  }
}

function toOperation(step: Step, chroot: Chroot): MultiOperation {
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

function transactionError(steps: readonly Step[], results: readonly MultiResult[], index: number): Error {
  const step = steps[index];
  const result = results[index];
  if (step === undefined || result === undefined || result.type !== OpCode.error) return unexpectedResults();
  const operation: TransactionOperationName = step.type;
  const detail = "version" in step && step.version !== anyVersion ? `expected version ${step.version}` : undefined;
  return new TransactionError(index, operation, errorFromWire(result.err, { operation, path: step.path, detail }));
}

function toResult(step: Step, result: MultiResult | undefined, chroot: Chroot): TransactionResult {
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
