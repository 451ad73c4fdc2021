/** What can come of registering. Recognised by marks, so that two copies of the package agree. */

const mark = Symbol.for("corral.service-registry.error");

type RegistryErrorName = "NameTakenError" | "InvalidPayloadError" | "MalformedEntryError";

/** Who is in the way of a registration. */
export interface NameHolder {
  /** The id of its instance. */
  readonly id: string;
  /** `name`: it holds the name for itself alone. `member`: it is one of the name's instances. `id`: it has the same id. */
  readonly holds: "name" | "member" | "id";
}

/** The name, or the id below it, is held by somebody else. Nothing was registered. */
export class NameTakenError extends Error {
  override readonly name = "NameTakenError";
  /** The service's name. */
  readonly service: string;
  readonly holder: NameHolder;

  constructor(service: string, holder: NameHolder) {
    const who = { name: "held exclusively by", member: "in use by", id: "registered already with the id" }[
      holder.holds
    ];
    super(
      `${service} is ${who} ${holder.id}. Wait for it with { whenTaken: "wait" }, or see with explain() who it is.`,
    );
    this.service = service;
    this.holder = holder;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** A payload is not what the schema says. */
export class InvalidPayloadError extends Error {
  override readonly name = "InvalidPayloadError";
  /** What is wrong with it, each with the place. */
  readonly issues: readonly string[];

  constructor(about: string, issues: readonly string[]) {
    super(`The payload of ${about} does not fit the registry's schema: ${issues.join("; ")}.`);
    this.issues = issues;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** The data of a node, or of a request, is not an entry. */
export class MalformedEntryError extends Error {
  override readonly name = "MalformedEntryError";

  constructor(problem: string, options?: ErrorOptions) {
    super(`Not an entry of a service registry: ${problem}.`, options);
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` says that a name or an id is taken, of whatever copy of the package it is. */
export function isNameTakenError(error: unknown): error is NameTakenError {
  return isNamed(error, "NameTakenError");
}

/** Whether `error` says that a payload does not fit, of whatever copy of the package it is. */
export function isInvalidPayloadError(error: unknown): error is InvalidPayloadError {
  return isNamed(error, "InvalidPayloadError");
}

/** Whether `error` says that something is no entry, of whatever copy of the package it is. */
export function isMalformedEntryError(error: unknown): error is MalformedEntryError {
  return isNamed(error, "MalformedEntryError");
}

function isNamed(error: unknown, name: RegistryErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
