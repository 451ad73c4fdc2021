/** multi: all of it happens, at one zxid, or nothing does. Each operation sees what the ones before it did. */
import { assert, assertNever, ErrorCode, type MultiOperation, type MultiResult, OpCode } from "@corral/protocol";
import type { Outcome } from "../operation.ts";
import { applyCheck, applySetData } from "./change.ts";
import type { OperationContext } from "./context.ts";
import { applyCreate } from "./create.ts";
import { applyDelete } from "./delete.ts";

/** Applies the operations in order, or takes back what the first ones did. */
export function applyMulti(context: OperationContext, operations: readonly MultiOperation[]): Outcome {
  const firingsBefore = context.firings.length;
  const results: MultiResult[] = [];
  context.tree.begin();
  for (const [index, operation] of operations.entries()) {
    const outcome = applyOne(context, operation);
    if (outcome.type === "error") {
      context.tree.rollback();
      context.firings.length = firingsBefore;
      return failedMulti(operations.length, index, outcome.code);
    }
    results.push(resultOf(outcome));
  }
  context.tree.commit();
  return { type: "multi", results };
}

function applyOne(context: OperationContext, operation: MultiOperation): Outcome {
  switch (operation.type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      return applyCreate(context, operation.type, operation);
    case OpCode.delete:
      return applyDelete(context, operation);
    case OpCode.setData:
      return applySetData(context, operation);
    case OpCode.check:
      return applyCheck(context, operation);
    default:
      return assertNever(operation);
  }
}

function resultOf(outcome: Outcome): MultiResult {
  switch (outcome.type) {
    case "created":
      // Type 1 is all that kazoo and go-zk can read.
      return { type: OpCode.create, path: outcome.path };
    case "createdWithStat":
      return { type: OpCode.create2, path: outcome.path, stat: outcome.stat };
    case "deleted":
      return { type: OpCode.delete };
    case "changed":
      return { type: OpCode.setData, stat: outcome.stat };
    case "checked":
      return { type: OpCode.check };
    default:
      assert(false, `an operation of a multi does not come out as ${outcome.type}`);
  }
}

/** 0 for what came before the operation that failed, its code for itself, RuntimeInconsistency for what came after. */
export function failedMulti(count: number, failedIndex: number, code: number): Outcome {
  const results = Array.from({ length: count }, (_, i) => ({
    type: OpCode.error,
    err: i < failedIndex ? ErrorCode.Ok : i === failedIndex ? code : ErrorCode.RuntimeInconsistency,
  }));
  return { type: "multi", results };
}
