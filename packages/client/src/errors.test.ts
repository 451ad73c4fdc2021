import { ErrorCode, type ErrorName } from "@corral/protocol";
import { expect, test } from "vitest";
import * as errors from "./errors.ts";
import {
  BadVersionError,
  ConnectionLossError,
  ConnectTimeoutError,
  CoordinationError,
  errorFromWire,
  isCoordinationError,
  isRecoverable,
  makeError,
  NoNodeError,
  TransactionError,
} from "./errors.ts";

const names = (Object.keys(ErrorCode) as ErrorName[]).filter((name) => name !== "Ok");

test.each(names)("%s has an error of its own", (name) => {
  const error = errorFromWire(ErrorCode[name], { operation: "set", path: "/a" });
  expect(error).toBeInstanceOf(CoordinationError);
  expect(error.code).toBe(name);
  expect(error.path).toBe("/a");
  expect(error.name).toBe(name.endsWith("Error") ? name : `${name}Error`);
  expect(error.constructor.name).toBe(error.name);
  expect(error.message).toMatch(/^set \/a: .+\. .+\.$/);
  expect(isCoordinationError(error, name)).toBe(true);
  expect(isCoordinationError(error, name === "NoNode" ? "NodeExists" : "NoNode")).toBe(false);
});

test("every exported class is the one that its code makes", () => {
  for (const [name, value] of Object.entries(errors)) {
    if (!/^[A-Z]\w*Error$/.test(name) || typeof value !== "function" || value.length > 1) continue;
    if (value === CoordinationError || value === TransactionError || value === ConnectTimeoutError) continue;
    const Made = value as new () => CoordinationError;
    const error = new Made();
    expect(error.name).toBe(name);
    expect(makeError(error.code, {})).toBeInstanceOf(Made);
  }
});

test("a number that nobody has defined is a failure of the server", () => {
  const error = errorFromWire(-126, { operation: "get", path: "/a" });
  expect(error.code).toBe("SystemError");
  expect(error.message).toContain("-126");
});

test("a server that could not do it may lack room on its disk: where to look is said", () => {
  const { message } = makeError("SystemError", { operation: "set", path: "/a" });
  expect(message).toBe(
    "set /a: the server could not do it. It may take no writes because its disk is full or nearly so, or have failed: its log and its admin port's /health say which.",
  );
});

test("what can be tried again", () => {
  const recoverable = names.filter((name) => isRecoverable(makeError(name, {})));
  expect(recoverable.sort()).toEqual([
    "ConnectionLoss",
    "NotReadOnly",
    "OperationTimeout",
    "RequestTimeout",
    "SessionMoved",
    "ThrottledOp",
  ]);
  for (const other of [undefined, null, "x", new Error("x"), {}]) {
    expect(isRecoverable(other)).toBe(false);
    expect(isCoordinationError(other)).toBe(false);
  }
});

test("an error of another copy of the package is recognised by its mark", () => {
  const foreign = new Error("from elsewhere");
  Reflect.set(foreign, Symbol.for("corral.error.code"), "NoNode");
  expect(foreign).not.toBeInstanceOf(NoNodeError);
  expect(isCoordinationError(foreign, "NoNode")).toBe(true);
});

test("a transaction's error has the code of the operation that failed, and its error as the cause", () => {
  const cause = new BadVersionError({ operation: "check", path: "/epoch", detail: "expected version 3" });
  const error = new TransactionError(1, "check", cause);
  expect(error).toMatchObject({ name: "TransactionError", index: 1, operation: "check", path: "/epoch", cause });
  expect(isCoordinationError(error, "BadVersion")).toBe(true);
  expect(error.message).toContain("transaction, operation 1: check /epoch");
});

test("messages, for people to judge", () => {
  const texts = [
    new NoNodeError({ operation: "get", path: "/a" }),
    new ConnectionLossError({ operation: "set", path: "/a", detail: "h1:2181: the server closed the connection" }),
    errorFromWire(ErrorCode.MarshallingError, { operation: "create", path: "/q/a" }),
    new errors.BadArgumentsError({ operation: "get", path: "a", detail: "the path is not valid", remedy: "Write /a." }),
    new ConnectTimeoutError("h1,h2", 500, [
      { host: "h1:2181", reason: "no connection: ECONNREFUSED", cause: new Error("ECONNREFUSED") },
      { host: "h2:2181", reason: "not tried yet" },
    ]),
  ].map((error) => `${error.name}: ${error.message}`);
  expect(texts).toMatchInlineSnapshot(`
    [
      "NoNodeError: get /a: there is no such node. Create the node, or its missing parent, first.",
      "ConnectionLossError: set /a: the connection broke before the answer came, so the outcome is unknown (h1:2181: the server closed the connection). A read can simply be repeated; before a write is repeated, find out whether it happened.",
      "MarshallingError: create /q/a: one side could not decode what the other sent. Check that client and server speak the same protocol version; for a write, also that the texts of a quota above the node, in /zookeeper/quota, can be read.",
      "BadArgumentsError: get a: the path is not valid. Write /a.",
      "ConnectTimeoutError: connect to h1,h2 within 500 ms: no server could be reached in time (h1:2181: no connection: ECONNREFUSED; h2:2181: not tried yet). Check that a server is running and that the address is right.",
    ]
  `);
});
