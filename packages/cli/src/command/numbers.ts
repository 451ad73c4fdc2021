/** Numbers that flags take. */
import { InvalidArgumentError } from "commander";

/** A function that takes a whole number within bounds from a flag's text. `unit`: as in `" of milliseconds"`. */
export function wholeNumber(least: number, most: number, unit = ""): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number${unit} from ${least} to ${most}.`);
  };
}
