/**
 * Where a group stands. The members are where Curator's GroupMember has them; what is ours alone stands beside, because
 * Curator takes every node below the group for a member.
 *
 *   <path>/<name>                  the member: ephemeral, its data the member's
 *   <path>.claims/<guid>-<name>    the claim: ephemeral, made and deleted in one transaction with the member. A name comes
 *                                  back with version 0, a claim's never does: so it is what a guard checks for
 */
import { recipePath } from "@corral/recipe-kit";

const guidLength = 36;

/** The paths of one group. */
export class Layout {
  readonly path: string;
  readonly claims: string;

  /** @throws TypeError for a path that is none, and for the root: nothing could stand beside it. */
  constructor(path: string) {
    this.path = recipePath("Group", path, { besideRoot: false });
    this.claims = `${path}.claims`;
  }

  member(name: string): string {
    return `${this.path}/${name}`;
  }

  claim(guid: string, name: string): string {
    return `${this.claims}/${guid}-${name}`;
  }
}

/** Of which member a claim is. */
export function nameOfClaim(claim: string): string {
  return claim.slice(guidLength + 1);
}

/** @throws TypeError for a name that no node can have. */
export function checkName(name: string, what = "A member"): void {
  if (typeof name === "string" && name !== "" && name !== "." && name !== ".." && !name.includes("/")) return;
  throw new TypeError(`${what} cannot be named ${JSON.stringify(name)}: it must be a node's name, without slashes.`);
}
