/** How many take part in a barrier. */

/** More would not fit into the one transaction that opens a barrier. */
const partiesMax = 1_000;

/** @throws RangeError unless `parties` is a whole number from 1 to 1000. */
export function checkParties(what: string, path: string, parties: number): void {
  if (Number.isInteger(parties) && parties >= 1 && parties <= partiesMax) return;
  throw new RangeError(`${what} ${path}: parties is ${parties}; it must be a whole number from 1 to ${partiesMax}.`);
}
