/** What TypeScript tells a user, who is told the rest by it. Nothing of this runs. */
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type Client,
  type CreateResult,
  json,
  type ObservedNode,
  type SetResult,
  type Stat,
  type TransactionResult,
  utf8,
  validated,
} from "./index.ts";

test("types of the public API", () => {
  const use = async (client: Client): Promise<void> => {
    const config = validated(json, z.object({ limit: z.number() }));
    expectTypeOf(await client.get("/a")).toEqualTypeOf<{ readonly data: Buffer | null; readonly stat: Stat }>();
    expectTypeOf((await client.get("/a", { codec: config })).value).toEqualTypeOf<{ limit: number }>();
    expectTypeOf((await client.get("/a", { codec: json, linearizable: true })).value).toBeUnknown();
    expectTypeOf(client.create("/a", { codec: config, value: { limit: 1 }, mode: "ephemeral" })).resolves.toBeString();
    expectTypeOf(client.set("/a", { codec: utf8, value: "x", version: 3 })).resolves.toEqualTypeOf<Stat>();
    for await (const node of client.watchNode("/a", { codec: config })) {
      expectTypeOf(node).toEqualTypeOf<(ObservedNode & { readonly value: { limit: number } }) | undefined>();
    }
    const [made, changed] = await client
      .transaction()
      .create("/a", { codec: utf8, value: "x" })
      .set("/b", "y")
      .commit();
    expectTypeOf(made).toEqualTypeOf<CreateResult>();
    expectTypeOf(changed).toEqualTypeOf<SetResult>();
    const loop = client.transaction();
    for (const path of ["/a", "/b"]) loop.delete(path);
    expectTypeOf(await loop.commit()).toEqualTypeOf<TransactionResult[]>();
  };
  expectTypeOf(use).toBeFunction();
});
