/** One rule for the paths that recipes are made with, so that a wrong one is told where it was written. */
import { pathProblem } from "@corral/client";

/**
 * Returns the path. `recipe`: what is made, for the error; `besideRoot: false`: it needs room beside its node, which the
 * root does not have.
 * @throws TypeError for what cannot name a node, and then for the root
 */
export function recipePath(recipe: string, path: string, { besideRoot = true } = {}): string {
  const problem = typeof path === "string" ? pathProblem(path) : "it is not a string";
  if (problem === undefined && (besideRoot || path !== "/")) return path;
  throw new TypeError(
    `${recipe}: the path ${JSON.stringify(path)} cannot be used: ${problem ?? "it is the root, beside which nothing can stand"}. A path looks like "/app/name".`,
  );
}
