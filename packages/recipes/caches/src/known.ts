/** What is known of a part of the tree, and how far that can be believed. */
import type { ObservedTree } from "@corral/client";

/** What a cache is told by what it follows. */
export type Known =
  /** Everything, as the server has it that we are connected to; `undefined`: there is no root. */
  | { readonly state: "current"; readonly tree: ObservedTree | undefined }
  /** Whatever was told before may be out of date. */
  | { readonly state: "suspended" };

/** A doubt, of which there is one kind only. */
export const suspended: Known = { state: "suspended" };
