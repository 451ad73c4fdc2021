/**
 * An entry's data, as Curator's JsonInstanceSerializer writes and reads it. Pure.
 *
 *   { name, id, address, port, sslPort, payload, registrationTimeUTC, serviceType, uriSpec: { parts: [{ value, variable }] },
 *     enabled, corral: { tags, weight, zone, metadata, health, note, enabled } }
 *
 * `corral` is ours and holds what Curator has no field for; what is as by default is left out of it. Curator's reader
 * skips fields that it does not know. To it a draining or critical instance is one that is not enabled, so that its
 * providers leave it alone as ours do; `corral.enabled` then keeps what the owner had said.
 *
 * Jackson wants to be told the class of a payload that is an object (`@class` in it) or an array (the class before it), and
 * takes an object without for a map.
 */
import { MalformedEntryError } from "./errors.ts";
import { type HealthState, healthStates, type InstanceFields, type ServiceType, serviceTypes } from "./instance.ts";
import type { UriPart, UriSpec } from "./uri-spec.ts";

/** How entries are written. */
export interface EntryFormat {
  /**
   * `curator` (default): with `enabled` and `corral`. `curator-classic`: exactly the fields that every Curator knows, for
   * its old versions, which refuse others; what has no field there is not told.
   */
  readonly format?: "curator" | "curator-classic" | undefined;
  /** The Java class of the payload, for Curator programs that read it as one. */
  readonly payloadClass?: string | undefined;
}

/** An entry, taken apart. The payload is as it was given, not yet checked. */
export interface DecodedEntry {
  readonly fields: InstanceFields;
  readonly payload: unknown;
}

/** The data of an entry. */
export function encodeEntry(fields: InstanceFields, payload: unknown, options: EntryFormat = {}): string {
  const { name, id, address, port = null, sslPort = null, registrationTimeMs, serviceType, uriSpec = null } = fields;
  const classic = {
    name,
    id,
    address,
    port,
    sslPort,
    payload: typed(payload, options.payloadClass),
    registrationTimeUTC: registrationTimeMs,
    serviceType,
    uriSpec: uriSpec && { parts: uriSpec.parts.map(({ value, variable }) => ({ value, variable })) },
  };
  if (options.format === "curator-classic") return JSON.stringify(classic);
  const enabled = fields.enabled && isUsable(fields.health);
  const corral = ours(fields, enabled);
  return JSON.stringify({ ...classic, enabled, ...(Object.keys(corral).length > 0 && { corral }) });
}

function isUsable(health: HealthState): boolean {
  return health === "passing" || health === "warning";
}

function ours(fields: InstanceFields, writtenEnabled: boolean): Record<string, unknown> {
  const { tags, weight, zone, metadata, health, healthNote, enabled } = fields;
  return {
    ...(tags.length > 0 && { tags }),
    ...(weight !== 1 && { weight }),
    ...(zone !== undefined && { zone }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(health !== "passing" && { health }),
    ...(healthNote !== undefined && { note: healthNote }),
    ...(enabled !== writtenEnabled && { enabled }),
  };
}

function typed(payload: unknown, payloadClass: string | undefined): unknown {
  if (payload === undefined || payload === null) return null;
  if (Array.isArray(payload)) return [payloadClass ?? "java.util.ArrayList", payload];
  if (typeof payload !== "object" || payloadClass === undefined) return payload;
  return { "@class": payloadClass, ...payload };
}

/** Takes an entry's data apart. @throws MalformedEntryError */
export function decodeEntry(data: Uint8Array | string | null): DecodedEntry {
  const entry = parseObject(data);
  const { name, id, address, serviceType = "DYNAMIC", enabled = true } = entry;
  if (typeof name !== "string" || typeof id !== "string") throw new MalformedEntryError("name and id must be text");
  if (!isOneOf(serviceTypes, serviceType)) throw new MalformedEntryError(`serviceType ${JSON.stringify(serviceType)}`);
  const corral = isObject(entry.corral) ? entry.corral : {};
  return {
    fields: {
      name,
      id,
      address: typeof address === "string" ? address : null,
      port: toPort("port", entry.port),
      sslPort: toPort("sslPort", entry.sslPort),
      registrationTimeMs: typeof entry.registrationTimeUTC === "number" ? entry.registrationTimeUTC : 0,
      serviceType,
      uriSpec: toUriSpec(entry.uriSpec),
      enabled: typeof corral.enabled === "boolean" ? corral.enabled : enabled !== false,
      tags: Array.isArray(corral.tags) ? corral.tags.filter((tag) => typeof tag === "string") : [],
      weight: isWeight(corral.weight) ? corral.weight : 1,
      zone: typeof corral.zone === "string" ? corral.zone : undefined,
      metadata: toMetadata(corral.metadata),
      health: isOneOf(healthStates, corral.health) ? corral.health : "passing",
      healthNote: typeof corral.note === "string" ? corral.note : undefined,
    },
    payload: untyped(entry.payload),
  };
}

/** Whether this can be a weight. */
export function isWeight(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function parseObject(data: Uint8Array | string | null): Record<string, unknown> {
  const text = typeof data === "string" ? data : Buffer.from(data ?? []).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MalformedEntryError("it is not JSON", { cause });
  }
  if (!isObject(value)) throw new MalformedEntryError("it is not an object");
  return value;
}

/** Whether it is an object with fields. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOneOf<T extends HealthState | ServiceType>(values: readonly T[], value: unknown): value is T {
  return values.some((one) => one === value);
}

/** Jackson reads a number from text as well. */
function toPort(field: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const port = Number(value);
  if (Number.isInteger(port)) return port;
  throw new MalformedEntryError(`${field} ${JSON.stringify(value)}`);
}

function toUriSpec(value: unknown): UriSpec | undefined {
  if (!isObject(value) || !Array.isArray(value.parts)) return undefined;
  const parts: UriPart[] = [];
  for (const part of value.parts) {
    if (isObject(part) && typeof part.value === "string") {
      parts.push({ value: part.value, variable: part.variable === true });
    }
  }
  return { parts };
}

function toMetadata(value: unknown): Record<string, string> {
  const metadata: Record<string, string> = {};
  if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) {
      if (typeof one === "string") Object.defineProperty(metadata, key, { value: one, enumerable: true });
    }
  }
  return metadata;
}

const javaClass = /^\[*[\w$]+(\.[\w$]+)+;?$/;

function untyped(payload: unknown): unknown {
  if (Array.isArray(payload)) {
    const [type, value] = payload;
    return payload.length === 2 && typeof type === "string" && javaClass.test(type) ? value : payload;
  }
  if (isObject(payload) && typeof payload["@class"] === "string") {
    const { "@class": _, ...rest } = payload;
    return rest;
  }
  return payload ?? undefined;
}
