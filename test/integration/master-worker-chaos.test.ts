/**
 * Random trouble, then peace: workers and masters are cut off, reset, resigned and brought back at random while tasks come
 * in; then everything heals. Safety all the while, and in the end every task has exactly one recorded result.
 * A seed repeats the choices, not the timing: `CORRAL_SEED=7 npm test -- --project integration chaos`.
 */
import type { TaskHandle } from "@corral/master-worker";
import { seededRandom } from "@corral/testing";
import { expect, test } from "vitest";
import { places, TestGroup } from "../support/group.ts";

const seed = Number(process.env.CORRAL_SEED ?? 1);
const steps = 120;

test(`nothing is lost and nothing recorded twice in random trouble (seed ${seed})`, async () => {
  await using group = await TestGroup.start(500);
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.fraction() * items.length)]!;

  const masters = await Promise.all(["m1", "m2"].map((id) => group.master({ id, attemptsMax: 1_000 })));
  const recorded = new Map<string, string[]>();
  let executions = 0;
  const workers = await Promise.all(
    ["w1", "w2", "w3", "w4"].map(async (id, index) => {
      const worker = await group.worker({
        id,
        capacity: 1 + (index % 2),
        run: async (input, { signal }) => {
          executions++;
          // Some take a moment, and only every other one heeds its signal.
          await new Promise((resolve) => setTimeout(resolve, (Number(input) % 8) * 40));
          if (index % 2 === 0) signal.throwIfAborted();
          return { input, by: id };
        },
      });
      worker.it.events.on("reported", ({ task }) => recorded.set(task, [...(recorded.get(task) ?? []), id]));
      await worker.it.start();
      return worker;
    }),
  );
  let upsets = 0;
  for (const { it } of masters) it.events.on("lost", () => upsets++);
  for (const { it } of masters) it.events.on("reassigned", ({ count }) => (upsets += count));
  const tasks = await group.tasks();
  const observer = await group.link(60_000);
  const handles: TaskHandle[] = [];
  const submissions: Promise<unknown>[] = [];

  for (let step = 0; step < steps; step++) {
    const victim = pick([...masters, ...workers, tasks]);
    const what = random.fraction();
    if (what < 0.35) victim.network.reset();
    else if (what < 0.55) victim.network.cut();
    else if (what < 0.65) void victim.network.swallowAnswerTo("multi").then(() => victim.network.reset());
    else if (what < 0.72) pick(masters).it.resign();
    else victim.network.heal();
    for (let i = 0; i < 2; i++) {
      submissions.push(tasks.it.submit(step * 2 + i).then((handle) => handles.push(handle)));
    }
    await new Promise((resolve) => setTimeout(resolve, random.fraction() * 150));
    // A task on its way is seen in two places at most by reads that are not one transaction; in no place, never for long.
    const found = await places(observer.client, tasks.it.layout);
    for (const [task, where] of found) expect(where.filter((place) => place === "status").length, task).toBeLessThan(2);
  }

  for (const { network } of [...masters, ...workers, tasks]) network.heal();
  await Promise.all(submissions);
  expect(handles).toHaveLength(steps * 2);
  const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
  for (const outcome of outcomes) expect(outcome.kind).toBe("done");
  const found = await places(observer.client, tasks.it.layout);
  expect(found.size).toBe(handles.length);
  for (const [task, where] of found) expect(where, task).toEqual(["status"]);
  for (const [index, handle] of handles.entries()) {
    const outcome = outcomes[index];
    const by = recorded.get(handle.name) ?? [];
    // A worker may have recorded a result without learning that it had; nobody may believe it wrongly, or twice.
    expect(by.length, handle.name).toBeLessThanOrEqual(1);
    if (by.length === 1) expect(outcome).toMatchObject({ by: by[0] });
  }
  // Otherwise this was no trouble at all.
  expect(upsets).toBeGreaterThan(0);
  expect(executions).toBeGreaterThanOrEqual(handles.length);
}, 120_000);
