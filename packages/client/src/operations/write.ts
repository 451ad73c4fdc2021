/** Changing nodes. */
import { type Acl, CreateMode, isSequential } from "@corral/protocol";
import { anyVersion, checkAcl, checkPath, checkVersion, toBytes } from "../arguments.ts";
import type { Context } from "../context.ts";
import { BadArgumentsError, isCoordinationError } from "../errors.ts";
import type { Data, SetOrCreateOptions, VersionOptions } from "../options.ts";
import type { About } from "../requests.ts";
import { publicStat, type Stat } from "../stat.ts";
import { create2 } from "./create.ts";

/** setData. */
export async function set(context: Context, path: string, data: Data, options: VersionOptions): Promise<Stat> {
  const { version = anyVersion } = options;
  checkPath("set", path);
  checkVersion("set", path, version);
  const request = { path: context.chroot.toServer(path), data: toBytes("set", path, data), version };
  const response = await context.requests.send("setData", request, aboutVersion("set", path, version), options);
  return publicStat(response.stat);
}

/** setACL; the version is that of the list. */
export async function setAcl(
  context: Context,
  path: string,
  acl: readonly Acl[],
  options: VersionOptions,
): Promise<Stat> {
  const { version = anyVersion } = options;
  checkPath("setAcl", path);
  checkAcl("setAcl", path, acl);
  checkVersion("setAcl", path, version);
  const request = { path: context.chroot.toServer(path), acl, version };
  const response = await context.requests.send("setACL", request, aboutVersion("setAcl", path, version), options);
  return publicStat(response.stat);
}

/** What an operation with an expected version is, for its error. */
export function aboutVersion(operation: string, path: string, version: number): About {
  return { operation, path, detail: version === anyVersion ? undefined : `expected version ${version}` };
}

/** What setOrCreate did. */
export interface SetOrCreated {
  readonly created: boolean;
  readonly stat: Stat;
}

/** Sets, or creates where there is nothing; again from the beginning when somebody was quicker either way. */
export async function setOrCreate(
  context: Context,
  path: string,
  data: Data,
  options: SetOrCreateOptions,
): Promise<SetOrCreated> {
  if (isSequential(CreateMode[options.mode ?? "persistent"])) {
    throw new BadArgumentsError({
      operation: "setOrCreate",
      path,
      detail: `mode ${options.mode} gives every node a name of its own, so that there is none to set`,
      remedy: "Use create(), or a mode that is not sequential.",
    });
  }
  for (;;) {
    try {
      return { created: false, stat: await set(context, path, data, options.signal ? { signal: options.signal } : {}) };
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    try {
      return { created: true, stat: (await create2(context, path, data, options)).stat };
    } catch (error) {
      if (!isCoordinationError(error, "NodeExists")) throw error;
    }
  }
}
