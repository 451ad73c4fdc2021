import type { Client } from "@corral/client";
import { seededRandom, VirtualClock } from "@corral/testing";
import { BehaviorSubject } from "rxjs";
import { expect, test } from "vitest";
import { anInstance } from "../test-support/instances.ts";
import type { InstancesView } from "./observe-instances.ts";
import { Provider, type ProviderOptions } from "./provider.ts";

const names = Array.from({ length: 1_000 }, (_, i) => `i${String(i).padStart(3, "0")}`);

function provide(ids: readonly string[], options: ProviderOptions = {}) {
  const clock = new VirtualClock();
  const view = (of: readonly string[]): InstancesView => ({
    state: "current",
    instances: of.map((id) => anInstance(id)),
    malformed: [],
  });
  const views = new BehaviorSubject(view(ids));
  const client = { clock, random: seededRandom(1) } as unknown as Client;
  const pick = new Provider(client, "s", views, options);
  return { pick, clock, show: (of: readonly string[]) => views.next(view(of)) };
}

test("instances are looked at once, not at every choice", () => {
  let looks = 0;
  const { pick, show } = provide(names, { filter: { where: () => ++looks > 0 } });
  const chosen = new Set(names.map(() => pick.tryNext()?.id));
  expect(chosen.size).toBe(names.length);
  expect(looks).toBe(names.length);
  show(names.slice(0, 10));
  for (let i = 0; i < 100; i++) expect(names.indexOf(pick.tryNext()?.id ?? "")).toBeLessThan(10);
  expect(looks).toBe(names.length + 10);
});

test("one that has failed is left alone at once, and tried again when its time has come", async () => {
  const { pick, clock } = provide(["a", "b"], { down: { failures: 1, forMs: 1_000 } });
  const ids = () => new Set(Array.from({ length: 4 }, () => pick.tryNext()?.id));
  expect(ids()).toEqual(new Set(["a", "b"]));
  pick.failed(anInstance("a"));
  expect(ids()).toEqual(new Set(["b"]));
  await clock.advance(999);
  expect(ids()).toEqual(new Set(["b"]));
  await clock.advance(1);
  expect(ids()).toEqual(new Set(["a", "b"]));
});

test("when all are down, one is picked all the same, and after a while one that is not", async () => {
  const { pick, clock } = provide(["a"], { down: { failures: 1, forMs: 1_000 }, whenAllDown: "pick" });
  pick.tryNext();
  pick.failed(anInstance("a"));
  expect(pick.tryNext()?.id).toBe("a");
  await clock.advance(1_000);
  expect(pick.explain().instances.map(({ excluded }) => excluded)).toEqual([undefined]);
  expect(pick.tryNext()?.id).toBe("a");
});
