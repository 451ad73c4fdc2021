import type { Client } from "@corral/client";
import { expect, test } from "vitest";
import { Mutex } from "./mutex.ts";
import { Semaphore, type SemaphoreOptions } from "./semaphore.ts";

const client = {} as Client;

test.each([Number.NaN, -1, "5s"])("a lock-delay of %j is refused", (lockDelayMs) => {
  expect(() => new Mutex(client, "/a", { lockDelayMs: lockDelayMs as number })).toThrow(/lockDelayMs is/);
});

test.each([undefined, null, "3", {}, { path: 5 }, 0, 1.5])("a limit of %j is refused", (limit) => {
  const options = { limit } as unknown as SemaphoreOptions;
  expect(() => new Semaphore(client, "/a", options)).toThrow(
    /Semaphore \/a: the limit is .*a whole number, at least 1/,
  );
});
