/** Arguments of the public API, checked before anything is sent, so that the error can say what to write instead. */
import {
  type Acl,
  CreateMode,
  type CreateRequest,
  type CreateTtlRequest,
  hasTtl,
  isSequential,
  maxTtlMs,
  openAcl,
  pathProblem,
} from "@corral/protocol";
import type { Chroot } from "./chroot.ts";
import { BadArgumentsError } from "./errors.ts";
import type { Data, NodeOptions } from "./options.ts";

/** Version −1 and default: any. */
export const anyVersion = -1;

/** @throws BadArgumentsError unless `path` can name a node. */
export function checkPath(operation: string, path: string): void {
  const problem = typeof path === "string" ? pathProblem(path) : "it is not a string";
  if (problem !== undefined) throw badPath(operation, path, problem);
}

function badPath(operation: string, path: string, problem: string): Error {
  return new BadArgumentsError({
    operation,
    path: String(path),
    detail: `the path is not valid: ${problem}`,
    remedy:
      'A path looks like "/app/config": it starts with "/", does not end with one, and has printable names between.',
  });
}

/** @throws BadArgumentsError unless `version` is a version, or −1. */
export function checkVersion(operation: string, path: string, version: number): void {
  if (Number.isInteger(version) && version >= -(2 ** 31) && version < 2 ** 31) return;
  throw new BadArgumentsError({
    operation,
    path,
    detail: `${String(version)} is not a version`,
    remedy: "Use stat.version of a read, or leave it out for any version.",
  });
}

/** The bytes of `data`. Not a copy. */
export function toBytes(operation: string, path: string, data: Data | undefined): Uint8Array | null {
  if (data === null || data === undefined) return null;
  if (typeof data === "string") return Buffer.from(data, "utf8");
  if (data instanceof Uint8Array) return data;
  throw new BadArgumentsError({
    operation,
    path,
    detail: `data cannot be of type ${typeof data}`,
    remedy:
      "Pass a string, a Uint8Array or null, or a value as { codec: json, value }; options come after the data, unless there is a codec.",
  });
}

/** @throws BadArgumentsError unless `acl` is a list of entries. An empty one is left to the server to refuse. */
export function checkAcl(operation: string, path: string, acl: readonly Acl[]): void {
  const sound =
    Array.isArray(acl) &&
    acl.every(
      (entry: Acl | undefined) =>
        Number.isInteger(entry?.perms) && typeof entry?.id?.scheme === "string" && typeof entry.id.id === "string",
    );
  if (sound) return;
  throw new BadArgumentsError({
    operation,
    path,
    detail: "the access control list is not a list of { perms, id: { scheme, id } }",
    remedy: "Use openAcl, readOnlyAcl or creatorAllAcl, or build entries from Permission.",
  });
}

/** The operation that makes a node of the wanted kind, and its request. `createOrCreate2` is for the four plain modes. */
export function createRequest<O extends "create" | "create2">(
  createOrCreate2: O,
  path: string,
  data: Data | undefined,
  options: NodeOptions,
  chroot: Chroot,
):
  | { readonly operation: O | "createContainer"; readonly request: CreateRequest }
  | { readonly operation: "createTTL"; readonly request: CreateTtlRequest } {
  const { mode = "persistent", acl = openAcl, ttlMs } = options;
  const flags: CreateMode | undefined = CreateMode[mode];
  if (flags === undefined) {
    throw new BadArgumentsError({
      operation: "create",
      path,
      detail: `${JSON.stringify(mode)} is not a mode`,
      remedy: `Use one of ${Object.keys(CreateMode).join(", ")}.`,
    });
  }
  // The number completes the name, so a sequential path may end in "/".
  checkPath("create", isSequential(flags) && typeof path === "string" ? `${path}0` : path);
  checkAcl("create", path, acl);
  const ttlWanted = hasTtl(flags);
  if (ttlWanted !== (ttlMs !== undefined) || (ttlMs !== undefined && !isTtl(ttlMs))) {
    throw new BadArgumentsError({
      operation: "create",
      path,
      detail: ttlMs === undefined ? `mode ${mode} needs a ttlMs` : `ttlMs ${ttlMs} with mode ${mode}`,
      remedy: `ttlMs is a whole number of 1 to ${maxTtlMs}, for the modes persistentWithTtl and persistentSequentialWithTtl only.`,
    });
  }
  const request: CreateRequest = {
    path: isSequential(flags) ? chroot.sequenceToServer(path) : chroot.toServer(path),
    data: toBytes("create", path, data),
    acl,
    flags,
  };
  if (ttlMs !== undefined) return { operation: "createTTL", request: { ...request, ttl: ttlMs } };
  return { operation: flags === CreateMode.container ? "createContainer" : createOrCreate2, request };
}

function isTtl(ttlMs: number): boolean {
  return Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= maxTtlMs;
}
