/** Making sure that there is something to create below. */
import { CreateMode, openAcl, parentPath } from "@corral/protocol";
import type { Context } from "../context.ts";
import { isCoordinationError, isRecoverable } from "../errors.ts";
import type { CallOptions, CreateParents } from "../options.ts";

/** How often a step is repeated when the connection breaks under it, or a container goes just when it is needed. */
const attempts = 5;

/**
 * Makes sure that the node of this name (the server's) and its parents exist. From the leaf up: what is there costs one
 * request, and permissions are needed only where something is missing.
 */
export async function ensure(
  context: Context,
  serverPath: string,
  kind: Exclude<CreateParents, false>,
  options: CallOptions,
): Promise<void> {
  if (serverPath === "" || serverPath === "/") return;
  const about = { operation: "create", path: context.chroot.toClient(serverPath) };
  const request = { path: serverPath, data: null, acl: openAcl };
  for (let attempt = 1; ; attempt++) {
    try {
      if (kind === "container") {
        await context.requests.send("createContainer", { ...request, flags: CreateMode.container }, about, options);
      } else {
        await context.requests.send("create", { ...request, flags: CreateMode.persistent }, about, options);
      }
      return;
    } catch (error) {
      if (isCoordinationError(error, "NodeExists")) return;
      if (isCoordinationError(error, "NoNode")) await ensure(context, parentPath(serverPath), kind, options);
      // Whether the lost request happened does not matter: a second one then finds the node there.
      else if (!isRecoverable(error)) throw error;
      if (attempt === attempts) throw error;
    }
  }
}

/** Carries out `create`; where the parent of `serverPath` is missing, makes it and creates again, if that is wanted. */
export async function withParents<T>(
  context: Context,
  serverPath: string,
  { createParents = false, ...options }: CallOptions & { readonly createParents?: CreateParents },
  create: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await create();
    } catch (error) {
      if (createParents === false || attempt === attempts || !isCoordinationError(error, "NoNode")) throw error;
    }
    await ensure(context, parentPath(serverPath), createParents, options);
  }
}
