/** Making nodes. */
import { createRequest } from "../arguments.ts";
import type { Context } from "../context.ts";
import type { CreateOptions, Data } from "../options.ts";
import { publicStat, type Stat } from "../stat.ts";
import { withParents } from "./parents.ts";
import { createProtected } from "./protected-create.ts";

/** A node that was made. */
export interface CreatedNode {
  /** Where, sequence number and marker included. */
  readonly path: string;
  readonly stat: Stat;
}

/** Makes a node and gives its path. One byte more on the wire would be wasted on a stat that nobody asked for. */
export async function create(
  context: Context,
  path: string,
  data: Data | undefined,
  options: CreateOptions,
): Promise<string> {
  if (options.protected) return (await create2(context, path, data, options)).path;
  const made = createRequest("create", path, data, options, context.chroot);
  const about = { operation: "create", path };
  const response = await withParents(context, made.request.path, options, () =>
    made.operation === "createTTL"
      ? context.requests.send("createTTL", made.request, about, options)
      : context.requests.send(made.operation, made.request, about, options),
  );
  return context.chroot.toClient(response.path);
}

/** The same, with the new node's stat. */
export async function create2(
  context: Context,
  path: string,
  data: Data | undefined,
  options: CreateOptions,
): Promise<CreatedNode> {
  if (!options.protected) return await createOnce(context, path, path, data, options);
  // With a marker in it almost any path would be a valid one, of another node than was meant.
  createRequest("create2", path, data, options, context.chroot);
  return await createProtected(context, path, options, (marked) => createOnce(context, path, marked, data, options));
}

/** `path`: where it is made. `asked`: where the caller said. */
async function createOnce(
  context: Context,
  asked: string,
  path: string,
  data: Data | undefined,
  options: CreateOptions,
): Promise<CreatedNode> {
  const made = createRequest("create2", path, data, options, context.chroot);
  const about = { operation: "create", path: asked };
  const response = await withParents(context, made.request.path, options, () =>
    made.operation === "createTTL"
      ? context.requests.send("createTTL", made.request, about, options)
      : context.requests.send(made.operation, made.request, about, options),
  );
  return { path: context.chroot.toClient(response.path), stat: publicStat(response.stat) };
}
