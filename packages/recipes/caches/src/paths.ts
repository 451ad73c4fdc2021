/** Paths of nodes. Pure. */

/** The path of a child. */
export function childPath(path: string, name: string): string {
  return `${path === "/" ? "" : path}/${name}`;
}

/** The path of the parent; of "/" there is none. */
export function parentPath(path: string): string | undefined {
  if (path === "/") return undefined;
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last name of a path. */
export function nodeName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
