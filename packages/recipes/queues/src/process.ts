/** Working through a queue with a function: an item is acknowledged when it resolves, and given back when it rejects. */
import type { Client } from "@corral/client";
import { isGrantLostError, isWriteOutcomeUnknownError } from "@corral/recipe-kit";
import { type ConsumeOptions, Consumption } from "./consumption.ts";
import type { Delivery } from "./delivery.ts";

/** What is done with an item. It may end the delivery itself, to write a result along with the acknowledgement. */
export type Handler<T> = (value: T, delivery: Delivery<T>) => unknown;

/** How to work through a queue. */
export interface ProcessOptions<T> extends ConsumeOptions {
  /**
   * How long an item is held back after its handler has rejected, ms; by how often it was delivered, if that matters.
   * Default 0: it keeps its place and is delivered again at once.
   */
  readonly retryDelayMs?: number | ((deliveries: number) => number) | undefined;
  /** Called when a handler has rejected. Default: the client's logger is told. What it throws, `process` rejects with. */
  readonly onError?: ((error: unknown, delivery: Delivery<T>) => void) | undefined;
}

/**
 * Works until `signal` aborts, and resolves when what was in hand then is done. Rejects with what ends the taking of
 * items, such as a closed client.
 */
export async function processItems<T>(
  client: Client,
  take: (signal: AbortSignal) => Promise<Delivery<T>>,
  handler: Handler<T>,
  options: ProcessOptions<T>,
): Promise<void> {
  const over = new AbortController();
  const onAbort = (): void => over.abort();
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const begin = (delivery: Delivery<T>): void => {
    const one: Promise<void> = handle(client, delivery, handler, options)
      .catch((error: unknown) => {
        failures.push(error);
        over.abort();
      })
      .finally(() => running.delete(one));
    running.add(one);
  };
  try {
    for await (const delivery of new Consumption(take, { ...options, signal: over.signal })) begin(delivery);
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}

async function handle<T>(
  client: Client,
  delivery: Delivery<T>,
  handler: Handler<T>,
  options: ProcessOptions<T>,
): Promise<void> {
  try {
    await handler(delivery.value, delivery);
    // It may have ended the delivery by itself.
    if (!delivery.signal.aborted || isGrantLostError(delivery.signal.reason)) await delivery.acknowledge();
  } catch (error) {
    await handleFailure(client, delivery, error, options);
  }
}

async function handleFailure<T>(
  client: Client,
  delivery: Delivery<T>,
  error: unknown,
  { retryDelayMs = 0, onError }: ProcessOptions<T>,
): Promise<void> {
  const { path, deliveries } = delivery;
  if (!delivery.held) {
    client.logger.warn({ err: error, path, deliveries }, "a delivery was lost: the item will be delivered again");
    return;
  }
  if (onError === undefined) client.logger.warn({ err: error, path, deliveries }, "an item could not be handled");
  else onError(error, delivery);
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const delayMs = typeof retryDelayMs === "number" ? retryDelayMs : retryDelayMs(deliveries);
  try {
    if (delayMs > 0) await delivery.requeue({ delayMs, reason });
    else await delivery.release({ reason });
  } catch (lost) {
    // Then it is delivered again anyway.
    if (!isGrantLostError(lost) && !isWriteOutcomeUnknownError(lost)) throw lost;
  }
}
