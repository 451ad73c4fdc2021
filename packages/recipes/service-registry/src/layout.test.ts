import { expect, test } from "vitest";
import { isMalformedEntryError } from "./errors.ts";
import { Layout } from "./layout.ts";

test.each(["", ".", "..", "a/b", undefined, 5])("the name %j is refused", (name) => {
  const layout = new Layout("/services", undefined);
  for (const make of [() => layout.service(name as string), () => layout.entry("a", name as string)]) {
    let error: unknown;
    try {
      make();
    } catch (thrown) {
      error = thrown;
    }
    expect(isMalformedEntryError(error)).toBe(true);
  }
});
