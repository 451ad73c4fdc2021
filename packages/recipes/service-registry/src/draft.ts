/** An entry as its owner wants it: what was given at first, and every change since. Each registration of it writes it. */
import { type EntryFormat, encodeEntry, isWeight } from "./entry-json.ts";
import type { Health } from "./health.ts";
import type { InstanceChanges, InstanceFields, InstanceSpec, ServiceType } from "./instance.ts";
import { type StandardSchema, validate } from "./standard-schema.ts";
import { parseUriSpec, type UriSpec } from "./uri-spec.ts";

/** How drafts become entries. */
export interface DraftOptions<In, Out> extends EntryFormat {
  readonly schema?: StandardSchema<In, Out> | undefined;
}

/** What stands in for what a specification leaves out. */
export interface DraftDefaults {
  readonly id: () => string;
  readonly address: () => string;
  readonly serviceType: ServiceType;
  readonly wallMs: number;
}

/** See the head of this file. */
export class Draft<In, Out> {
  readonly #options: DraftOptions<In, Out>;
  #fields: InstanceFields;
  #payload: In | undefined;

  private constructor(options: DraftOptions<In, Out>, fields: InstanceFields, payload: In | undefined) {
    this.#options = options;
    this.#fields = fields;
    this.#payload = payload;
  }

  /** @throws InvalidPayloadError, RangeError (a port or a weight), SyntaxError (the URI specification) */
  static async make<In, Out>(
    spec: InstanceSpec<In>,
    defaults: DraftDefaults,
    options: DraftOptions<In, Out>,
  ): Promise<Draft<In, Out>> {
    const { name, payload, tags = [], weight = 1, zone, metadata = {}, serviceType = defaults.serviceType } = spec;
    const id = spec.id ?? defaults.id();
    const fields: InstanceFields = {
      name,
      id,
      address: spec.address ?? defaults.address(),
      port: spec.port,
      sslPort: spec.sslPort,
      registrationTimeMs: defaults.wallMs,
      serviceType,
      uriSpec: toUriSpec(spec.uriSpec),
      enabled: spec.enabled ?? true,
      tags: [...tags],
      weight,
      zone,
      metadata: { ...metadata },
      health: "passing",
      healthNote: undefined,
    };
    checkFields(fields);
    await validate(options.schema, payload, `${name}/${id}`);
    return new Draft(options, fields, payload);
  }

  get fields(): InstanceFields {
    return this.#fields;
  }

  /** The data of the entry. */
  encode(): string {
    return encodeEntry(this.#fields, this.#payload, this.#options);
  }

  /** Takes over what `changes` says; what it does not say stays. @throws as `make` does; nothing has changed then. */
  async change(changes: InstanceChanges<In>): Promise<void> {
    const { payload, uriSpec, ...others } = changes;
    const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
    const fields = { ...this.#fields, ...given, ...(uriSpec !== undefined && { uriSpec: toUriSpec(uriSpec) }) };
    checkFields(fields);
    if (payload !== undefined) await validate(this.#options.schema, payload, `${fields.name}/${fields.id}`);
    // Only now, for another change may have come while this one was looked at.
    this.#fields = { ...this.#fields, ...given, ...(uriSpec !== undefined && { uriSpec: toUriSpec(uriSpec) }) };
    if (payload !== undefined) this.#payload = payload;
  }

  /** Takes over how the instance does. */
  setHealth({ state, note }: Health): void {
    this.#fields = { ...this.#fields, health: state, healthNote: note };
  }
}

function toUriSpec(spec: string | UriSpec | undefined): UriSpec | undefined {
  return typeof spec === "string" ? parseUriSpec(spec) : spec;
}

function checkFields({ name, id, port, sslPort, weight }: InstanceFields): void {
  for (const [field, value] of Object.entries({ port, sslPort })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 65_535)) {
      throw new RangeError(`${name}/${id}: ${field} is ${value}; it must be a whole number from 0 to 65535.`);
    }
  }
  if (!isWeight(weight)) throw new RangeError(`${name}/${id}: the weight is ${weight}; it must be at least 0.`);
}
