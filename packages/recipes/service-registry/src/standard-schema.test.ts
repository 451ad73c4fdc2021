import { expect, test } from "vitest";
import { isInvalidPayloadError } from "./errors.ts";
import { type StandardSchema, validate } from "./standard-schema.ts";

const version: StandardSchema<{ version: string }, { version: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const given = (value as { version?: unknown } | undefined)?.version;
      if (typeof given === "string") return { value: { version: Number(given) } };
      return { issues: [{ message: "must be text", path: ["version", { key: 0 }] }, { message: "is wrong" }] };
    },
  },
};

test("the value is what the schema makes of it", async () => {
  expect(await validate(version, { version: "7" }, "x")).toEqual({ version: 7 });
  expect(await validate(undefined, { any: 1 }, "x")).toEqual({ any: 1 });
});

test("a schema may take its time", async () => {
  const slow: typeof version = {
    "~standard": { ...version["~standard"], validate: async (value) => version["~standard"].validate(value) },
  };
  expect(await validate(slow, { version: "7" }, "x")).toEqual({ version: 7 });
});

test("what does not fit is said, each with its place", async () => {
  const refused = validate(version, {}, "billing/b1");
  await expect(refused).rejects.toSatisfy(isInvalidPayloadError);
  await expect(refused).rejects.toMatchObject({
    issues: ["version.0: must be text", "is wrong"],
    message: "The payload of billing/b1 does not fit the registry's schema: version.0: must be text; is wrong.",
  });
});
