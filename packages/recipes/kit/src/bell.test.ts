import { expect, test } from "vitest";
import { Bell } from "./bell.ts";

const never = new AbortController().signal;

test("a bell that was rung before is heard, and once", async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.wait(never);
  const cancel = new AbortController();
  const waiting = bell.wait(cancel.signal);
  cancel.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  const again = bell.wait(never);
  bell.ring();
  await again;
});
