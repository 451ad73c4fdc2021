import { json, utf8 } from "@corral/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { curatorItems } from "./curator-items.ts";

test("bytes as Curator's ItemSerializer writes them", async () => {
  const bytes = Buffer.from((await curatorItems(utf8).encode(["ab", ""])) ?? []);
  expect(bytes.toString("hex")).toBe("00010001" + "01" + "00000002" + "6162" + "01" + "00000000" + "02");
});

test("whatever goes in comes out", async () => {
  const codec = curatorItems(json);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), async (items) => {
      const back = await codec.decode(await codec.encode(items));
      expect(back).toEqual(JSON.parse(JSON.stringify(items)));
    }),
  );
});

test.each([
  ["nothing", ""],
  ["another version", "00010002" + "02"],
  ["no end", "00010001"],
  ["an item cut off", "00010001" + "01" + "00000003" + "6162"],
  ["a length cut off", "00010001" + "01" + "0000"],
  ["an unknown mark", "00010001" + "07"],
])("%s is refused", async (_, hex) => {
  await expect(curatorItems(utf8).decode(Buffer.from(hex, "hex"))).rejects.toThrow();
});
