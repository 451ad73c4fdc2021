/**
 * How to make a URI of an instance, as Curator has it: text with fields in braces, such as `{scheme}://{address}:{port}`.
 * Known fields: scheme (https where there is an SSL port), name, id, address, port, ssl-port, registration-time-utc,
 * service-type, and `[` and `]` for braces themselves; any other one is given when the URI is made. Pure.
 */
import type { InstanceFields } from "./instance.ts";

/** A piece of text, or the name of a field. */
export interface UriPart {
  readonly value: string;
  readonly variable: boolean;
}

/** A URI with fields, taken apart. */
export interface UriSpec {
  readonly parts: readonly UriPart[];
}

/** Takes `{scheme}://{address}` apart. @throws SyntaxError for braces that do not match. */
export function parseUriSpec(text: string): UriSpec {
  const parts: UriPart[] = [];
  let inside = false;
  for (const token of text.split(/([{}])/)) {
    if (token === "{" && !inside) inside = true;
    else if (token === "}" && inside) inside = false;
    else if (token === "{" || token === "}") throw unmatched(text);
    else if (token !== "") parts.push({ value: inside ? token.trim() : token, variable: inside });
  }
  if (inside) throw unmatched(text);
  return { parts };
}

function unmatched(text: string): SyntaxError {
  return new SyntaxError(`The braces of the URI specification ${JSON.stringify(text)} do not match.`);
}

/** The text of which a specification was made. */
export function formatUriSpec({ parts }: UriSpec): string {
  return parts.map(({ value, variable }) => (variable ? `{${value}}` : value)).join("");
}

/** What is needed of an instance to make a URI. */
export type UriFields = Pick<
  InstanceFields,
  "name" | "id" | "address" | "port" | "sslPort" | "registrationTimeMs" | "serviceType"
>;

/** The URI. `variables` come before the instance's own fields; a field that nobody knows is left out. */
export function buildUri(
  { parts }: UriSpec,
  instance?: UriFields,
  variables: Readonly<Record<string, string | number>> = {},
): string {
  const known = new Map<string, string | number>([
    ["[", "{"],
    ["]", "}"],
    ["scheme", "http"],
  ]);
  if (instance !== undefined) {
    known.set("scheme", instance.sslPort === undefined ? "http" : "https");
    known.set("name", instance.name);
    known.set("id", instance.id);
    known.set("address", instance.address ?? "");
    known.set("port", instance.port ?? "");
    known.set("ssl-port", instance.sslPort ?? "");
    known.set("registration-time-utc", instance.registrationTimeMs);
    known.set("service-type", instance.serviceType.toLowerCase());
  }
  for (const [name, value] of Object.entries(variables)) known.set(name, value);
  return parts.map(({ value, variable }) => (variable ? String(known.get(value) ?? "") : value)).join("");
}
