/** What a service's instance is: what one gives to register it, and what others see of it. */
import type { UriSpec } from "./uri-spec.ts";

/**
 * How long an entry lasts, by Curator's names. `DYNAMIC`: as long as the session of whoever registered it.
 * `DYNAMIC_SEQUENTIAL`: the same, and the server adds a number to the node's name. `STATIC`: until it is taken out, or
 * swept for not having been refreshed. `PERMANENT`: until it is taken out.
 */
export type ServiceType = "DYNAMIC" | "STATIC" | "PERMANENT" | "DYNAMIC_SEQUENTIAL";

/** All of them, in Curator's order. */
export const serviceTypes: readonly ServiceType[] = ["DYNAMIC", "STATIC", "PERMANENT", "DYNAMIC_SEQUENTIAL"];

/** Whether entries of this type go with their session. */
export function isDynamic(type: ServiceType): boolean {
  return type === "DYNAMIC" || type === "DYNAMIC_SEQUENTIAL";
}

/**
 * How an instance does. `passing`: well. `warning`: it still answers, but something is wrong. `critical`: not to be used.
 * `draining`: it is about to leave; it finishes what it has, and wants nothing new.
 */
export type HealthState = "passing" | "warning" | "critical" | "draining";

/** All of them, from best to worst. */
export const healthStates: readonly HealthState[] = ["passing", "warning", "critical", "draining"];

/** What an entry says, apart from its payload. */
export interface InstanceFields {
  /** The service. */
  readonly name: string;
  /** Which instance of the service. */
  readonly id: string;
  /** Host name or IP address; null if a foreign program gave none. */
  readonly address: string | null;
  readonly port: number | undefined;
  readonly sslPort: number | undefined;
  /** When it was registered, wall clock of whoever did, ms since 1970. */
  readonly registrationTimeMs: number;
  readonly serviceType: ServiceType;
  readonly uriSpec: UriSpec | undefined;
  /** False: its owner has switched it off. */
  readonly enabled: boolean;
  readonly tags: readonly string[];
  /** Its share of the load among the others, at least 0. Default 1. */
  readonly weight: number;
  /** Where it runs. */
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly health: HealthState;
  /** Why it is not well, for people. */
  readonly healthNote: string | undefined;
}

/** An instance as discovery shows it. */
export interface ServiceInstance<P = unknown> extends InstanceFields {
  /** As the registry's schema has it; `undefined` if there is none. */
  readonly payload: P;
  /** Its node. */
  readonly path: string;
  /** zxid of the node's create: tells one registration from the next of the same id, and grows. */
  readonly czxid: bigint;
  /** Of whoever registered it; 0 for STATIC and PERMANENT. */
  readonly sessionId: bigint;
}

interface OptionalFields {
  /** Default: a random UUID. A fixed one lets a restarted process take over the entry of the run before. */
  readonly id?: string | undefined;
  /** Host name or IP address. Default: this machine's first address that is not internal. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly sslPort?: number | undefined;
  /** Default `DYNAMIC`. */
  readonly serviceType?: ServiceType | undefined;
  /** How to make a URI of it, such as `{scheme}://{address}:{port}/v1`. */
  readonly uriSpec?: string | UriSpec | undefined;
  /** Default true. */
  readonly enabled?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Its share of the load among the others, at least 0. Default 1. */
  readonly weight?: number | undefined;
  /** Where it runs. */
  readonly zone?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The payload, which may be left out where the registry's schema allows that. */
export type PayloadField<In> = undefined extends In ? { readonly payload?: In | undefined } : { readonly payload: In };

/** What one gives to register an instance. `In`: the payload as the registry's schema takes it. */
export type InstanceSpec<In = unknown> = OptionalFields & { readonly name: string } & PayloadField<In>;

/** What of an entry can be changed while it is registered. What is left out stays. */
export type InstanceChanges<In = unknown> = Omit<OptionalFields, "id" | "serviceType"> & {
  readonly payload?: In | undefined;
};
