/** What can go wrong with the data directory. Recognised by a mark, so that two copies of the package agree. */

const storageMark = Symbol.for("corral.server.storage-error");

/**
 * The data directory cannot be used, or no longer be trusted. The message is a sentence for the operator: which file,
 * what is wrong with it, where, and what can be done.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  /** The file or directory that it is about. */
  readonly file: string;
  /** Set where it is not the bytes that are wrong: they lead to another state than they did, or mean nothing here. */
  readonly content: "contradicts" | "unknown" | undefined;

  constructor(
    message: string,
    options: { readonly file: string; readonly cause?: unknown; readonly content?: "contradicts" | "unknown" },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.file = options.file;
    this.content = options.content;
    Object.defineProperty(this, storageMark, { value: true });
  }
}

/** Whether `error` is a StorageError, of whatever copy of this package. */
export function isStorageError(error: unknown): error is StorageError {
  return typeof error === "object" && error !== null && Reflect.get(error, storageMark) === true;
}

/** A snapshot was not finished, because the storage is being closed. Nothing is lost: the log has everything. */
export class SnapshotGivenUpError extends Error {
  override readonly name = "SnapshotGivenUpError";
  constructor() {
    super("The snapshot was given up, because the server is stopping.");
  }
}

/** A message of the operating system's error, for the end of a sentence. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
