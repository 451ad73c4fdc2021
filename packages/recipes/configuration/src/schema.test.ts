import { expect, test } from "vitest";
import { limits } from "./limits.ts";
import { type ConfigurationSchema, check, describeIssues, messageOf, wrong } from "./schema.ts";

type Validate = ConfigurationSchema<unknown, unknown>["~standard"]["validate"];
const schemaOf = (validate: Validate): ConfigurationSchema<unknown, unknown> => ({
  "~standard": { version: 1, vendor: "test", validate },
});

test("a value that fits comes as the schema gives it, at once or later", async () => {
  expect(
    await check(
      schemaOf((value) => ({ value: Number(value) })),
      "5",
    ),
  ).toEqual({ ok: true, value: 5 });
  expect(
    await check(
      schemaOf(async (value) => ({ value })),
      "5",
    ),
  ).toEqual({ ok: true, value: "5" });
});

test("one that does not comes with the places of what is wrong", async () => {
  const issues = [{ message: "all wrong" }, { message: "too small", path: ["a", 0, { key: "b" }] }];
  expect(
    await check(
      schemaOf(() => ({ issues })),
      {},
    ),
  ).toEqual({
    ok: false,
    issues: [
      { path: [], message: "all wrong" },
      { path: ["a", "0", "b"], message: "too small" },
    ],
  });
});

test("a schema that throws, or rejects, finds it wrong", async () => {
  const throws = () => {
    throw new Error("what is this?");
  };
  expect(await check(schemaOf(throws), {})).toEqual(wrong("what is this?"));
  expect(
    await check(
      schemaOf(() => Promise.reject("no")),
      {},
    ),
  ).toEqual(wrong("no"));
});

test("of many things that are wrong, and of long stories, a part is told", async () => {
  const issues = Array.from({ length: 500 }, () => ({ message: "x".repeat(5_000) }));
  const checked = await check(
    schemaOf(() => ({ issues })),
    {},
  );
  expect(checked.ok ? [] : checked.issues).toHaveLength(limits.issues);
  expect(checked.ok ? 0 : checked.issues[0]?.message.length).toBe(limits.textLength);
});

test("in words", () => {
  const issues = [
    { path: ["a", "b"], message: "too small" },
    { path: [], message: "all wrong" },
  ];
  expect(describeIssues(issues)).toBe("a.b: too small; all wrong");
  expect([messageOf(new Error("e")), messageOf("text"), messageOf(undefined)]).toEqual(["e", "text", "undefined"]);
});
