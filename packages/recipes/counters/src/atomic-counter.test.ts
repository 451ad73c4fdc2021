import type { Client } from "@corral/client";
import { expect, test } from "vitest";
import { AtomicCounter } from "./atomic-counter.ts";

test.each([5, "5", undefined])(
  "to add %j is refused before anything is sent: it would be appended to the digits",
  async (amount) => {
    const counter = new AtomicCounter({} as Client, "/c", { format: "decimal" });
    await expect(counter.add(amount as unknown as bigint)).rejects.toThrow(/is not a bigint\. Write 5n/);
  },
);
