/**
 * What one copy of a package throws, the functions of another copy recognise: they read marks, and ask no class. Two
 * copies come about when two packages depend on different versions, or when one is bundled.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { copyAll, readPacked } from "./packed.ts";
import { packages, packedDirectory } from "./projects.ts";

type Exports = Readonly<Record<string, unknown>>;
type Check = (error: unknown) => boolean;
type ErrorClass = new (...args: readonly unknown[]) => Error;

const context = { operation: "set", path: "/a" };
const pending = new Promise<never>(() => {});
const issues = [{ path: ["limit"], message: "too much" }];

/** How an error of each class is made; of the client's plain ones by their context. */
const argumentsOf: Readonly<Record<string, readonly unknown[]>> = {
  BeginUnknownError: ["tx-1"],
  CacheOverflowError: ["/a", { nodes: 2, bytes: 2 }, { nodesMax: 1, bytesMax: 1 }],
  CacheUnavailableError: ["/a", "closed"],
  CertificateError: ["expired", { code: "CERT_HAS_EXPIRED", remedy: "Renew it.", cause: new Error("expired") }],
  ConfigError: ["wrong", ["tickMs"]],
  ConnectTimeoutError: ["a:1", 100, []],
  CoordinationError: ["SystemError", context],
  CopyError: ["different", "no"],
  DirectoryInUseError: ["/data"],
  GrantLostError: ["/a", "session lost"],
  InvalidConfigurationError: ["What is stored at", "/a", issues],
  InvalidPayloadError: ["a", ["too long"]],
  MalformedEntryError: ["no JSON"],
  MemberNameTakenError: ["/a", 1n],
  NameTakenError: ["a", { id: "1", holds: "name" }],
  OutcomeForgottenError: ["tx-1"],
  ParticipantServingError: ["stock"],
  PayloadTooLargeError: ["The input", 2, 1],
  ProposalClosedError: ["/a", 1],
  ProposalOutdatedError: ["/a", 1, 2],
  ProposalPendingError: ["/a", "ada", "why"],
  ProposalRefusedError: ["/a", [{ identity: "b", issues }]],
  QueueFullError: ["/a", 2, 1],
  ResultTakenError: ["task-1"],
  ResultTimeoutError: ["task-1", 100],
  StaleTokenError: ["/a", 1n, 2n],
  StorageError: ["broken", { file: "/data/log.1" }],
  TaskFailedError: ["task-1", "failed", { name: "Error", message: "no" }],
  TaskStoppedError: ["closing", "The worker is closing."],
  TooManyOpenError: ["stock", 100],
  TransactionError: [1, "set", Object.assign(new Error("no"), { code: "NoNode", path: "/a" })],
  UnknownParticipantError: ["stock", "/a"],
  UnreadableNodeError: ["/a", "no MessagePack"],
  VersionNotKeptError: ["/a", 1, [2, 3]],
  WaitTimeoutError: ["The lock", "/a", 100],
  WorkerIdTakenError: ["w1", "/a"],
  WriteOutcomeUnknownError: ["The change of", "/a", pending, undefined],
};

/** Those of the protocol stay inside: whoever decodes bytes has the class at hand. */
const loaded = packages.filter(({ name }) => name !== "@corral/protocol");

/** All exports of all packages, by the package's name. */
type Copy = Readonly<Record<string, Exports>>;
let first: Copy = {};
let second: Copy = {};
beforeAll(async () => {
  const copy = join(packedDirectory, "copy");
  await copyAll(packedDirectory, copy);
  first = await load(packedDirectory);
  second = await load(copy);
});

async function load(directory: string): Promise<Copy> {
  const all: Record<string, Exports> = {};
  for (const { name, directory: unpacked } of await readPacked(directory)) {
    all[name] = await import(pathToFileURL(join(unpacked, "dist", "index.js")).href);
  }
  return all;
}

describe.each(loaded)("$name", ({ name }) => {
  test("recognises the errors of another copy", () => {
    const ours = exported(first, name);
    const theirs = exported(second, name);
    const errors = Object.entries(ours)
      .filter((entry): entry is [string, ErrorClass] => isErrorClass(entry[1]))
      .map(([key, Made]) => ({ key, Made, error: new Made(...(argumentsOf[key] ?? [context])) }));
    for (const { key, Made, error } of errors) {
      expect(theirs[key], "it is one copy").not.toBe(Made);
      expect(error.name).toBe(key);
      // Of the client's plain errors there is one for each code, and one function for all.
      const check = theirs[`is${key}`] ?? ("code" in error ? theirs.isCoordinationError : undefined);
      expect(check, `who recognises ${key}?`).toBeTypeOf("function");
    }
    for (const [key, value] of Object.entries(theirs)) {
      if (!/^is[A-Z]\w*Error$/.test(key)) continue;
      const check = value as Check;
      // Within its own copy the class tells what the function of the other copy has to find.
      const own = (ours[key.slice(2)] ?? exported(first, "@corral/client")[key.slice(2)]) as ErrorClass;
      const found = errors.filter(({ error }) => check(error)).map((one) => one.key);
      expect([key, found]).toEqual([key, errors.filter(({ error }) => error instanceof own).map((one) => one.key)]);
      for (const other of [undefined, null, "text", new Error("no"), {}]) expect(check(other)).toBe(false);
    }
  });
});

test("codes, and whether to try again, are recognised across copies", () => {
  const { NoNodeError, ConnectionLossError } = exported(first, "@corral/client");
  const { isCoordinationError, isRecoverable } = exported(second, "@corral/client");
  const hasCode = isCoordinationError as (error: unknown, code: string) => boolean;
  const [error, loss] = [NoNodeError, ConnectionLossError].map((Made) => new (Made as ErrorClass)(context));
  expect([hasCode(error, "NoNode"), hasCode(error, "NodeExists"), hasCode(loss, "ConnectionLoss")]).toEqual([
    true,
    false,
    true,
  ]);
  expect([error, loss].map(isRecoverable as Check)).toEqual([false, true]);
});

function exported(copy: Copy, name: string): Exports {
  const found = copy[name];
  if (found === undefined) throw new Error(`${name} is not in this copy.`);
  return found;
}

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === "function" && value.prototype instanceof Error;
}
