/** Settings that there are not, and what each is taken for. */
import { defaultLimits } from "./limits.ts";
import { nearestName } from "./nearest-name.ts";

const limitNames = Object.keys(defaultLimits);

/** All of them, by key, limits with a dot before their name, with what is said of each. `known`: what settings there are. */
export function unknownSettings(settings: object, known: readonly string[]): ReadonlyMap<string, string> {
  const limits: unknown = Reflect.get(settings, "limits");
  const ofLimits = typeof limits === "object" && limits !== null ? Object.keys(limits) : [];
  const keys = [
    ...Object.keys(settings).filter((key) => !known.includes(key)),
    ...ofLimits.filter((name) => !limitNames.includes(name)).map((name) => `limits.${name}`),
  ];
  return new Map(keys.map((key) => [key, noSuchSetting(key, known)]));
}

function noSuchSetting(key: string, known: readonly string[]): string {
  const isLimit = key.startsWith("limits.");
  // What all limits begin with makes none of them likelier.
  const nearest = isLimit
    ? nearestName(key.slice("limits.".length), limitNames)
    : nearestName(key, [...known, ...limitNames]);
  if (nearest === undefined) return "no such setting";
  return `no such setting; did you mean ${limitNames.includes(nearest) ? `limits.${nearest}` : nearest}?`;
}
