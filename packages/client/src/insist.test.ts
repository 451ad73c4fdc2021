import { expect, test } from "vitest";
import { FakeClock } from "../test-helpers/fake-clock.ts";
import { random } from "../test-helpers/world.ts";
import { ConnectionLossError, NoNodeError } from "./errors.ts";
import { insist } from "./insist.ts";

const patience = () => ({ clock: new FakeClock(), random });

test("interruptions are waited out, everything else is passed on", async () => {
  const { clock, ...rest } = patience();
  const outcomes = [new ConnectionLossError(), new ConnectionLossError(), "done"];
  const insisting = insist({ clock, ...rest }, undefined, async () => {
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  });
  await clock.advance(1_000);
  expect(await insisting).toBe("done");
  const gone = new NoNodeError();
  await expect(insist(patience(), undefined, () => Promise.reject(gone))).rejects.toBe(gone);
});

test.each(["a text", undefined, 7, new TypeError("a bug"), new Error("enough")])(
  "what is thrown, or given as the reason of a signal, comes through as it is: %s",
  async (reason) => {
    await expect(insist(patience(), undefined, () => Promise.reject(reason))).rejects.toBe(reason);
    await expect(insist(patience(), AbortSignal.abort(reason ?? null), async () => "late")).rejects.toBe(
      reason ?? null,
    );

    const during = new AbortController();
    const rejecting = insist(patience(), during.signal, async () => {
      during.abort(reason ?? null);
      throw during.signal.reason;
    });
    await expect(rejecting).rejects.toBe(reason ?? null);

    const waiting = new AbortController();
    const sleeping = insist(patience(), waiting.signal, () => Promise.reject(new ConnectionLossError()));
    waiting.abort(reason ?? null);
    await expect(sleeping).rejects.toBe(reason ?? null);
  },
);
