/**
 * Where everything stands. The entries are where Curator has them; what is ours alone stands beside, for Curator takes
 * every node below a service for an instance, and every node below the base for a service.
 *
 *   <base>/<name>/<id>                    the entry: what discovery reads
 *   <claims>/<name>/live/<guid>-<id>      the claim: ephemeral, made in one transaction with the entry, for as long as
 *                                         somebody stands behind it. Its name is never used again, so it can be checked for
 *   <claims>/<name>/ids/<id>              ephemeral, data = the claim's name: somebody has the id; made likewise
 *   <claims>/<name>/holder                ephemeral, data = the claim's name: somebody holds the name for itself alone
 *   <claims>/<name>/queue/…               who waits to hold it
 */
import { recipePath } from "@corral/recipe-kit";
import { MalformedEntryError } from "./errors.ts";

const guidLength = 36;

/** The paths of one registry. */
export class Layout {
  readonly base: string;
  readonly claims: string;

  /** @throws TypeError for the root: what stands beside it could not be told from the services. */
  constructor(base: string, claims: string | undefined) {
    this.base = recipePath("ServiceRegistry: basePath", base, { besideRoot: false });
    this.claims = recipePath("ServiceRegistry: claimsPath", claims ?? `${base}.claims`);
  }

  service(name: string): string {
    return `${this.base}/${segment("name", name)}`;
  }

  entry(name: string, id: string): string {
    return `${this.service(name)}/${segment("id", id)}`;
  }

  #beside(name: string): string {
    return `${this.claims}/${segment("name", name)}`;
  }

  live(name: string): string {
    return `${this.#beside(name)}/live`;
  }

  claim(name: string, claimName: string): string {
    return `${this.live(name)}/${claimName}`;
  }

  ids(name: string): string {
    return `${this.#beside(name)}/ids`;
  }

  idMark(name: string, id: string): string {
    return `${this.ids(name)}/${segment("id", id)}`;
  }

  holder(name: string): string {
    return `${this.#beside(name)}/holder`;
  }

  queue(name: string): string {
    return `${this.#beside(name)}/queue`;
  }
}

/** The name of a claim. */
export function claimName(guid: string, id: string): string {
  return `${guid}-${id}`;
}

/** Of which instance a claim is. */
export function idOfClaim(name: string): string {
  return name.slice(guidLength + 1);
}

/** Checks that a name fits between two slashes. @throws MalformedEntryError */
function segment(what: string, text: string): string {
  if (typeof text === "string" && text !== "" && text !== "." && text !== ".." && !text.includes("/")) return text;
  throw new MalformedEntryError(`the ${what} ${JSON.stringify(text)} cannot be the name of a node`);
}
