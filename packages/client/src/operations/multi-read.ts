/**
 * Several reads in one request, answered from one state of one server. Each succeeds or fails alone.
 *
 * ```ts
 * const [config, workers] = await client.multiRead().get("/config").children("/workers").read();
 * if (config.ok) apply(config.data);
 * ```
 */
import { ErrorCode, type MultiReadOperation, type MultiResult, OpCode } from "@corral/protocol";
import { checkPath } from "../arguments.ts";
import type { Context } from "../context.ts";
import { type CoordinationError, errorFromWire, isCoordinationError, MarshallingError } from "../errors.ts";
import { inTime } from "../in-time.ts";
import type { ReadOptions } from "../options.ts";
import { publicStat } from "../stat.ts";
import { fresh } from "./barrier.ts";
import { sendIfThere, untilKnown } from "./optional.ts";
import { children, get, type NodeData } from "./read.ts";

/** A part that failed: NoNodeError, NoAuthError. */
export interface ReadFailure {
  readonly ok: false;
  readonly error: CoordinationError;
}

/** What reading a node came to. */
export type GetResult = ({ readonly ok: true } & NodeData) | ReadFailure;
/** What reading the names of a node's children came to; sorted. */
export type ChildrenResult = { readonly ok: true; readonly children: string[] } | ReadFailure;

interface Part {
  readonly type: "get" | "children";
  readonly path: string;
}

/** Reads being put together. `R`: the results so far. */
export class MultiRead<R extends readonly unknown[]> {
  readonly #context: Context;
  readonly #parts: Part[] = [];

  /** Use `client.multiRead()`. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** Data and stat of a node. */
  get(path: string): MultiRead<[...R, GetResult]> {
    return this.#and("get", path);
  }

  /** The names of a node's children. */
  children(path: string): MultiRead<[...R, ChildrenResult]> {
    return this.#and("children", path);
  }

  /** The same object under the type that knows one result more. */
  #and<X>(type: Part["type"], path: string): MultiRead<[...R, X]> {
    this.#parts.push({ type, path });
    return this as unknown as MultiRead<[...R, X]>;
  }

  /**
   * Reads: one result per part, in order. On servers that do not have the operation (before 3.6) the reads go out
   * together, one by one, and other clients' writes may fall between them.
   */
  async read(options: ReadOptions = {}): Promise<R> {
    const parts = [...this.#parts];
    for (const { type, path } of parts) checkPath(type, path);
    if (parts.length === 0) return [] as readonly unknown[] as R;
    const called = { operation: "multiRead", path: undefined };
    const { clock } = this.#context.core;
    const results = await inTime(clock, called, options, (call) => this.#together(parts, call));
    return results as readonly unknown[] as R;
  }

  async #together(parts: readonly Part[], options: ReadOptions): Promise<(GetResult | ChildrenResult)[]> {
    const { core } = this.#context;
    // Before the barrier, if there is to be one: it and the read leave together.
    const wait = untilKnown(core, "multiRead", options);
    if (wait !== undefined) await wait;
    if (core.features.has("multiRead") === false) return await this.#oneByOne(parts, options);
    const about = { operation: "multiRead", path: "/" };
    try {
      const request = parts.map((part) => this.#operation(part));
      const results = await fresh(this.#context, about, options, () =>
        sendIfThere(this.#context, "multiRead", request, about, options),
      );
      if (results.length !== parts.length) throw mismatch();
      return parts.map((part, at) => toResult(part, results[at]));
    } catch (error) {
      if (!isCoordinationError(error, "Unimplemented")) throw error;
    }
    try {
      return await this.#oneByOne(parts, options);
    } catch (error) {
      // Who did not know the operation has closed the connection behind its answer, and these reads went there too.
      if (!isCoordinationError(error, "ConnectionLoss")) throw error;
      return await this.#oneByOne(parts, options);
    }
  }

  #operation({ type, path }: Part): MultiReadOperation {
    const target = { path: this.#context.chroot.toServer(path), watch: false };
    return type === "get" ? { type: OpCode.getData, ...target } : { type: OpCode.getChildren, ...target };
  }

  async #oneByOne(parts: readonly Part[], options: ReadOptions): Promise<(GetResult | ChildrenResult)[]> {
    return await Promise.all(
      parts.map(async ({ type, path }): Promise<GetResult | ChildrenResult> => {
        try {
          if (type === "get") return { ok: true, ...(await get(this.#context, path, options)) };
          return { ok: true, children: await children(this.#context, path, options) };
        } catch (error) {
          if (isCoordinationError(error, "NoNode") || isCoordinationError(error, "NoAuth")) return { ok: false, error };
          throw error;
        }
      }),
    );
  }
}

function toResult({ type, path }: Part, result: MultiResult | undefined): GetResult | ChildrenResult {
  if (result?.type === OpCode.error && result.err !== ErrorCode.Ok) {
    return { ok: false, error: errorFromWire(result.err, { operation: type, path }) };
  }
  if (type === "get" && result?.type === OpCode.getData) {
    const data = result.data === null ? null : Buffer.from(result.data);
    return { ok: true, data, stat: publicStat(result.stat) };
  }
  if (type === "children" && result?.type === OpCode.getChildren) {
    return { ok: true, children: [...result.children].sort() };
  }
  throw mismatch();
}

function mismatch(): Error {
  return new MarshallingError({ operation: "multiRead", detail: "the results do not match the reads" });
}
