/** Changing nodes. */
import { type Acl, CreateMode, isSequential } from "@corral/protocol";
import { anyVersion, checkAcl, checkPath, checkVersion, toBytes } from "../arguments.ts";
import type { Context } from "../context.ts";
import { BadArgumentsError, BadVersionError, isCoordinationError } from "../errors.ts";
import type { Data, SetOrCreateOptions, VersionOptions } from "../options.ts";
import type { About } from "../requests.ts";
import { publicStat, type Stat } from "../stat.ts";
import { create2 } from "./create.ts";
import { exists } from "./read.ts";

/** setData. */
export async function set(context: Context, path: string, data: Data, options: VersionOptions): Promise<Stat> {
  const { version = anyVersion } = options;
  checkPath("set", path);
  checkVersion("set", path, version);
  const request = { path: context.chroot.toServer(path), data: toBytes("set", path, data), version };
  const about = aboutVersion("set", path, version);
  const send = () => context.requests.send("setData", request, about, options);
  const response = await tellingVersions(context, about, send, async () => {
    return (await exists(context, path, { signal: options.signal }))?.version;
  });
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
  const about = aboutVersion("setAcl", path, version);
  const send = () => context.requests.send("setACL", request, about, options);
  const response = await tellingVersions(context, about, send, async () => {
    return (await exists(context, path, { signal: options.signal }))?.aversion;
  });
  return publicStat(response.stat);
}

/** What an operation with an expected version is, for its error. */
export function aboutVersion(operation: string, path: string, version: number): About {
  if (version === anyVersion) return { operation, path };
  return { operation, path, detail: `expected version ${version}`, expectedVersion: version };
}

/**
 * Carries out a conditional write. When it is refused for its version, `readVersion` finds out which there is: a server
 * does not say.
 */
export async function tellingVersions<T>(
  { core }: Context,
  about: About,
  write: () => Promise<T>,
  readVersion: () => Promise<number | undefined>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    // Without a connection the read would make the caller wait for what is certain already.
    if (!isCoordinationError(error, "BadVersion") || core.state !== "connected") throw error;
    let actualVersion: number | undefined;
    try {
      actualVersion = await readVersion();
    } catch {
      throw error;
    }
    // Changed once more, by whoever deletes and creates: it would only puzzle.
    if (actualVersion === undefined || actualVersion === about.expectedVersion) throw error;
    throw new BadVersionError({ ...about, actualVersion });
  }
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
