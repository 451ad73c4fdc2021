/** What can come of putting something into a queue. Recognised by a mark, so that two copies of this package agree. */

const mark = Symbol.for("corral.queues.error");

/** The queue holds as many items as it may. Nothing was put. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  readonly path: string;
  /** How many items it holds. */
  readonly size: number;
  /** How many it may hold. */
  readonly limit: number;

  constructor(path: string, size: number, limit: number) {
    super(
      `The queue ${path} holds ${size} items, and takes no more than ${limit}: whoever looks for an item has to list them all. Consume faster, divide it among several queues, or use a message broker; with maxItems, put() waits for room instead.`,
    );
    this.path = path;
    this.size = size;
    this.limit = limit;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** Whether `error` is a QueueFullError, of whatever copy of this package. */
export function isQueueFullError(error: unknown): error is QueueFullError {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === "QueueFullError";
}
