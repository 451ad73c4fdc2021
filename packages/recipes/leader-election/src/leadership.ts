/** Leadership that is held. */
import { Grant } from "@corral/recipe-kit";

/** A tenure: `signal` says when to stop, `fencingToken` is for resources outside, `guard()` for writes to the tree. */
export class Leadership extends Grant {}
