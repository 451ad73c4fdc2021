/** Parties that are real processes, killed and frozen: by history, nobody passes a phase before all have arrived at it. */
import { PhasedBarrier } from "@corral/barriers";
import { connect } from "@corral/client";
import { TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { type TestProcess, TestProcesses } from "../support/test-processes.ts";

const parties = 3;
const phases = 100;
const sessionTimeoutMs = 800;

test("nobody passes a phase before everybody has arrived at it, whoever is killed and restarted, or frozen", {
  timeout: 300_000,
}, async () => {
  await using server = await TestServer.start({ durable: true, tickMs: 100 });
  await using watcher = await connect(server.connectString);
  await using processes = await TestProcesses.make();
  const start = (id: string, from: number): TestProcess =>
    processes.start("pass-phases", id, {
      connectString: server.connectString,
      parties,
      from,
      to: phases,
      sessionTimeoutMs,
    });
  const barrier = new PhasedBarrier(watcher, "/phases", { parties });
  const untilPhase = async (phase: number): Promise<void> => {
    for await (const _ of watcher.watchNode("/phases")) if ((await barrier.current()) >= phase) return;
  };
  const all = [start("a", 0), start("b", 0), start("c", 0)] as [TestProcess, TestProcess, TestProcess];

  await untilPhase(20);
  await all[0].kill();
  const passed = (await all[0].entries()).filter(({ event }) => event === "passed").map(({ phase }) => Number(phase));
  const back = start("a", (passed.at(-1) ?? -1) + 1);

  await untilPhase(50);
  await all[1].freeze();
  // Its arrival, if it had one, goes with its session, and the phase is not complete without it.
  const { phase } = await barrier.explain();
  for (;;) {
    const { arrived } = await barrier.explain();
    if (arrived.length <= parties - 1 && arrived.every(({ identity }) => identity !== "b")) break;
  }
  expect((await barrier.explain()).phase).toBeLessThanOrEqual(phase + 1);
  all[1].thaw();
  await untilPhase(phases);
  for (const one of [all[1], all[2], back]) await one.entry(({ event }) => event === "done");

  const history = await processes.history();
  for (let n = 0; n < phases; n++) {
    const of = (wanted: string) => history.filter(({ event, phase: at }) => event === wanted && at === n);
    const firstPassed = Math.min(...of("passed").map(({ atUs }) => atUs));
    for (const id of ["a", "b", "c"]) {
      const arrived = Math.min(...of("arriving").flatMap((entry) => (entry.id === id ? [entry.atUs] : [])));
      expect(arrived, `${id} at phase ${n}`).toBeLessThanOrEqual(firstPassed);
    }
  }
  // Who has gone has left nothing.
  for await (const names of watcher.watchChildren("/phases")) if (names?.length === 0) break;
});
