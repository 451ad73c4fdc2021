/**
 * What stands inside the znodes: MessagePack maps with a version field. Decoding never throws: a node that somebody else
 * wrote is a value to judge (`malformed`), and so is one of a later format (`newer`), which an older process must leave alone.
 *
 *   TaskRecord     /tasks/<t>, /assign/<w>/<t>.<a>  { v, attempts, submittedAtMs, timeoutMs?, input: bin }
 *   WorkerRecord   /workers/<w>                     { v, guid, capacity, backlog, draining, sessionTimeoutMs }
 *   MasterRecord   /master, /epoch                  { v, id, guid, atMs }
 *   StatusRecord   /status/<t>                      { v, kind, attempt, by, guid, atMs, value?: bin, error?: { name, message } }
 *
 * Unknown fields are ignored, so that fields can be added. A task's input and its result travel as bytes inside bytes:
 * masters pass them on without looking, and so without changing them.
 */
import { type DecoderOptions, decode, encode } from "@msgpack/msgpack";
import { attemptsLimit, capacityMax, errorMessageLengthMax, payloadBytesMax } from "./limits.ts";

const formatVersion = 1;
const guidLengthMax = 64;

/** A task, waiting or assigned. */
export interface TaskRecord {
  /** How often it has been started: 0 while it waits for the first time; in an assignment, that very attempt. */
  readonly attempts: number;
  /** The submitter's wall clock. For people. */
  readonly submittedAtMs: number;
  /** How long one attempt may run; absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** The encoded input. */
  readonly input: Uint8Array;
}

/** A worker's registration. */
export interface WorkerRecord {
  /** Of this registration, to recognise it when the reply to its creation was lost. */
  readonly guid: string;
  readonly capacity: number;
  readonly backlog: number;
  readonly draining: boolean;
  /** For how long the registration can outlive its process. */
  readonly sessionTimeoutMs: number;
}

/** Who is, or at an epoch's start became, the master. */
export interface MasterRecord {
  readonly id: string;
  /** Of this election, to recognise it when the reply was lost. */
  readonly guid: string;
  /** The master's wall clock at the election. For people. */
  readonly atMs: number;
}

/** How a task can end. */
export type StatusKind = "done" | "failed" | "timeout" | "cancelled";

/** Name and message of what went wrong. */
export interface TaskFailure {
  readonly name: string;
  readonly message: string;
}

/** The recorded end of a task. */
export interface StatusRecord {
  readonly kind: StatusKind;
  /** The attempt that ended it; 0 if none was made. */
  readonly attempt: number;
  /** The worker that ran it, or the master or client that put an end to it. */
  readonly by: string;
  /** Of this report, to recognise it when the reply to its creation was lost. */
  readonly guid: string;
  /** The reporter's wall clock. For people. */
  readonly atMs: number;
  /** The encoded result of a task that is done. */
  readonly value?: Uint8Array;
  /** Why a task is not done. */
  readonly error?: TaskFailure;
}

/** A decoded value, or why there is none. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: "malformed" | "newer"; readonly detail: string };

/** The data of `/tasks/<task>` and of an assignment. */
export function encodeTask(record: TaskRecord): Uint8Array {
  return encodeRecord({ ...record });
}

/** Reads the data of a task or of an assignment. */
export function decodeTask(bytes: Uint8Array | null): Decoded<TaskRecord> {
  return decodeRecord(bytes, (fields) => ({
    attempts: fields.count("attempts", attemptsLimit),
    submittedAtMs: fields.finite("submittedAtMs"),
    input: fields.bytes("input"),
    ...(fields.has("timeoutMs") ? { timeoutMs: fields.count("timeoutMs", Number.MAX_SAFE_INTEGER) } : {}),
  }));
}

/** The data of `/workers/<worker>`. */
export function encodeWorker(record: WorkerRecord): Uint8Array {
  return encodeRecord({ ...record });
}

/** Reads the data of a registration. */
export function decodeWorker(bytes: Uint8Array | null): Decoded<WorkerRecord> {
  return decodeRecord(bytes, (fields) => ({
    guid: fields.text("guid", guidLengthMax),
    capacity: Math.max(1, fields.count("capacity", capacityMax)),
    backlog: fields.count("backlog", capacityMax),
    draining: fields.flag("draining"),
    sessionTimeoutMs: fields.count("sessionTimeoutMs", Number.MAX_SAFE_INTEGER),
  }));
}

/** The data of `/master` and of `/epoch`. */
export function encodeMaster(record: MasterRecord): Uint8Array {
  return encodeRecord({ ...record });
}

/** Reads the data of `/master` or of `/epoch`. */
export function decodeMaster(bytes: Uint8Array | null): Decoded<MasterRecord> {
  return decodeRecord(bytes, (fields) => ({
    id: fields.text("id", 256),
    guid: fields.text("guid", guidLengthMax),
    atMs: fields.finite("atMs"),
  }));
}

/** The data of `/status/<task>`. */
export function encodeStatus(record: StatusRecord): Uint8Array {
  return encodeRecord({ ...record });
}

/** Reads the data of a recorded end. */
export function decodeStatus(bytes: Uint8Array | null): Decoded<StatusRecord> {
  return decodeRecord(bytes, (fields) => ({
    kind: fields.oneOf("kind", ["done", "failed", "timeout", "cancelled"]),
    attempt: fields.count("attempt", attemptsLimit),
    by: fields.text("by", 256),
    guid: fields.text("guid", guidLengthMax),
    atMs: fields.finite("atMs"),
    ...(fields.has("value") ? { value: fields.bytes("value") } : {}),
    ...(fields.has("error") ? { error: fields.failure("error") } : {}),
  }));
}

/** Encodes a task's input or result: whatever MessagePack can hold, bigint included. Throws what MessagePack throws. */
export function encodeValue(value: unknown): Uint8Array {
  return encode(value, { useBigInt64: true, ignoreUndefined: true });
}

/** Decodes a task's input or result. 64-bit integers come as bigint. */
export function decodeValue(bytes: Uint8Array): Decoded<unknown> {
  try {
    // An element takes a byte at least, so no honest length is beyond the number of bytes.
    return { ok: true, value: decode(plain(bytes), decoderOptions(bytes.length)) };
  } catch (error) {
    return malformed(`not MessagePack: ${describe(error)}`);
  }
}

/** Name and message of anything thrown, the message cut to what a record may hold. */
export function failureOf(error: unknown): TaskFailure {
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  return { name: name.slice(0, 200), message: message.slice(0, errorMessageLengthMax) };
}

function encodeRecord(fields: Record<string, unknown>): Uint8Array {
  return encode({ v: formatVersion, ...fields }, { useBigInt64: true, ignoreUndefined: true });
}

function decodeRecord<T>(bytes: Uint8Array | null, read: (fields: Fields) => T): Decoded<T> {
  if (bytes === null || bytes.length === 0) return malformed("the node holds no data");
  let decoded: unknown;
  try {
    decoded = decode(plain(bytes), { ...decoderOptions(payloadBytesMax), maxArrayLength: 64, maxMapLength: 64 });
  } catch (error) {
    return malformed(`not MessagePack: ${describe(error)}`);
  }
  if (!isMap(decoded)) return malformed("not a map");
  const version = decoded.v;
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) return malformed("no format version");
  if (version > formatVersion) {
    return { ok: false, problem: "newer", detail: `format ${version}, this process knows ${formatVersion}` };
  }
  try {
    return { ok: true, value: read(new Fields(decoded)) };
  } catch (error) {
    if (error instanceof FieldError) return malformed(error.message);
    throw error;
  }
}

function decoderOptions(lengthMax: number): DecoderOptions {
  return {
    useBigInt64: true,
    maxStrLength: lengthMax,
    maxBinLength: lengthMax,
    maxArrayLength: lengthMax,
    maxMapLength: lengthMax,
    maxExtLength: lengthMax,
  };
}

/** The same bytes, not as a Buffer: what is decoded from a Buffer would hold Buffers. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(detail: string): { ok: false; problem: "malformed"; detail: string } {
  return { ok: false, problem: "malformed", detail };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

class FieldError extends Error {}

/** Reads checked fields from a decoded map. */
class Fields {
  readonly #map: Record<string, unknown>;

  constructor(map: Record<string, unknown>) {
    this.#map = map;
  }

  has(key: string): boolean {
    return this.#map[key] !== undefined && this.#map[key] !== null;
  }

  count(key: string, max: number): number {
    const value = this.#map[key];
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new FieldError(`${key} must be a whole number from 0 to ${max}`);
  }

  finite(key: string): number {
    const value = this.#map[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new FieldError(`${key} must be a number`);
  }

  text(key: string, lengthMax: number): string {
    const value = this.#map[key];
    if (typeof value === "string" && value.length <= lengthMax) return value;
    throw new FieldError(`${key} must be text of at most ${lengthMax} characters`);
  }

  flag(key: string): boolean {
    const value = this.#map[key];
    if (typeof value === "boolean") return value;
    throw new FieldError(`${key} must be true or false`);
  }

  bytes(key: string): Uint8Array {
    const value = this.#map[key];
    if (value instanceof Uint8Array && value.length <= payloadBytesMax) return value;
    throw new FieldError(`${key} must be at most ${payloadBytesMax} bytes`);
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#map[key];
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    throw new FieldError(`${key} must be one of ${choices.join(", ")}`);
  }

  failure(key: string): TaskFailure {
    const value = this.#map[key];
    if (!isMap(value)) throw new FieldError(`${key} must be a map`);
    const fields = new Fields(value);
    return { name: fields.text("name", 256), message: fields.text("message", errorMessageLengthMax) };
  }
}
