/** Instances as Curator's discovery-server writes and reads them over HTTP: plain payloads, no fields without a value. Pure. */
import { isObject } from "./entry-json.ts";
import { MalformedEntryError } from "./errors.ts";
import { healthStates, type InstanceSpec, type ServiceInstance, type ServiceType, serviceTypes } from "./instance.ts";
import { formatUriSpec } from "./uri-spec.ts";

/** An instance as JSON. What Curator's server has no field for comes after its own. */
export function instanceToJson<P>(instance: ServiceInstance<P>): Record<string, unknown> {
  const { name, id, address, port, sslPort, registrationTimeMs, serviceType, payload, uriSpec } = instance;
  const { enabled, tags, weight, zone, metadata, health, healthNote } = instance;
  return {
    name,
    id,
    address,
    ...(port !== undefined && { port }),
    ...(sslPort !== undefined && { sslPort }),
    registrationTimeUTC: registrationTimeMs,
    serviceType,
    payload: payload ?? null,
    ...(uriSpec !== undefined && { uriSpec: formatUriSpec(uriSpec) }),
    enabled,
    health,
    ...(healthNote !== undefined && { healthNote }),
    ...(tags.length > 0 && { tags }),
    ...(weight !== 1 && { weight }),
    ...(zone !== undefined && { zone }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}

/** What somebody wants to have registered. The payload is not yet checked. @throws MalformedEntryError */
export function instanceFromJson(json: unknown): InstanceSpec<unknown> & { id: string; serviceType: ServiceType } {
  if (!isObject(json)) throw new MalformedEntryError("it is not an object");
  const { name, id, address, serviceType, enabled, tags, weight, zone, metadata, uriSpec, payload } = json;
  const type = serviceTypes.find((one) => one === serviceType);
  if (type === undefined) throw new MalformedEntryError(`serviceType must be one of ${serviceTypes.join(", ")}`);
  return {
    name: text("name", name),
    id: text("id", id),
    address: text("address", address),
    port: number("port", json.port),
    sslPort: number("sslPort", json.sslPort),
    serviceType: type,
    payload: payload ?? undefined,
    uriSpec: uriSpec === undefined || uriSpec === null ? undefined : text("uriSpec", uriSpec),
    enabled: enabled !== false,
    tags: tags === undefined ? [] : list("tags", tags),
    weight: number("weight", weight),
    zone: zone === undefined || zone === null ? undefined : text("zone", zone),
    metadata: metadata === undefined ? {} : texts("metadata", metadata),
  };
}

/** A filter from the query of a URL: `tag` (may be repeated), `zone`, `health` (may be repeated), `enabled`. */
export function filterFromQuery(query: URLSearchParams) {
  const enabled = query.get("enabled");
  const health = healthStates.filter((state) => query.getAll("health").includes(state));
  return {
    tags: query.getAll("tag"),
    zone: query.get("zone") ?? undefined,
    health: query.has("health") ? health : undefined,
    enabled: enabled === null ? undefined : enabled === "true",
  };
}

function text(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new MalformedEntryError(`${field} must be text`);
}

function number(field: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") return value;
  throw new MalformedEntryError(`${field} must be a number`);
}

function list(field: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.map((one) => text(field, one));
  throw new MalformedEntryError(`${field} must be a list of texts`);
}

function texts(field: string, value: unknown): Record<string, string> {
  if (!isObject(value)) throw new MalformedEntryError(`${field} must be an object of texts`);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, text(`${field}.${key}`, one)]));
}
