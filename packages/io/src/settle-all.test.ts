import { expect, test } from "vitest";
import { settleAll } from "./settle-all.ts";

test("rejects as the first in the list that failed, when all have ended", async () => {
  let end = () => {};
  const last = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isOver = false;
  const all = settleAll([undefined, Promise.reject(new Error("one")), Promise.reject(new Error("two")), last]).finally(
    () => {
      isOver = true;
    },
  );
  all.catch(() => "looked at below");
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
  expect(isOver).toBe(false);
  end();
  await expect(all).rejects.toThrow("one");
  await expect(settleAll([Promise.resolve(1), undefined])).resolves.toBeUndefined();
});
