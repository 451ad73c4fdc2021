/** Which of a name's addresses a dial goes to. */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";

/**
 * Resolves the name of one dial anew, and puts its addresses in an order of chance within each family: behind one name may
 * be many servers, and not all clients should go to the first. A literal address is never asked for.
 */
export class SpreadLookup {
  /** Whether chance had something to choose from: some family has more than one address. */
  isOneOfSeveral = false;
  readonly #resolveName: LookupFunction;

  constructor(resolveName: LookupFunction = lookup) {
    this.#resolveName = resolveName;
  }

  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolveName(hostname, options, (error, found, family) => {
      if (error !== null || !Array.isArray(found)) return callback(error, found, family);
      const families = [...new Set(found.map((address) => address.family))];
      // A name that stands twice in a hosts file has its address twice.
      this.isOneOfSeveral = new Set(found.map(({ address }) => address)).size > families.length;
      const keyed = found.map((address) => ({ address, key: Math.random() })).sort((a, b) => a.key - b.key);
      const spread = families.flatMap((of) => keyed.filter(({ address }) => address.family === of));
      callback(
        null,
        spread.map(({ address }) => address),
      );
    });
  };
}
