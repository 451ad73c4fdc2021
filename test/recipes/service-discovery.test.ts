/** Discovery and providers on every engine: views that converge, health, drained and failing instances, HTTP. */
import type { Client } from "@corral/client";
import { serveHttp } from "@corral/io";
import { insist } from "@corral/recipe-kit";
import {
  type InstancesView,
  isInvalidPayloadError,
  isWaitTimeoutError,
  type KeptRegistration,
  type Provider,
  type ServiceInstance,
  ServiceRegistry,
} from "@corral/service-registry";
import { expect, test } from "vitest";
import { z } from "zod";
import { describeOnEveryEngine } from "../engines/engines.ts";

const patience = { timeoutMs: 60_000 };

const at = (id: string) => ({ name: "billing", id, address: "10.0.0.1", port: 8080 });

/** The first view of which `isIt` holds. */
async function viewWhere<P>(
  views: AsyncIterable<InstancesView<P>>,
  isIt: (view: InstancesView<P>) => boolean,
): Promise<InstancesView<P>> {
  for await (const view of views) if (isIt(view)) return view;
  throw new Error("the views have ended");
}

const ids = ({ instances }: { readonly instances: readonly { readonly id: string }[] }): string =>
  instances.map(({ id }) => id).join();

async function nextIds(pick: Provider<unknown>, count: number): Promise<string[]> {
  const chosen: string[] = [];
  for (let i = 0; i < count; i++) chosen.push((await pick.next(patience)).id);
  return chosen;
}

describeOnEveryEngine("discovery", (engine) => {
  test("shows instances as they come, change and go, and the names of services", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const [registry, look] = [new ServiceRegistry(a), new ServiceRegistry(b)];
    expect(await viewWhere(look.instances$("billing"), ({ state }) => state === "current")).toMatchObject({
      instances: [],
      malformed: [],
    });
    const one = await registry.register({ ...at("b1"), tags: ["v1"] }, patience);
    await registry.register({ ...at("b2"), tags: ["v2"], zone: "eu" }, patience);
    await viewWhere(look.instances$("billing"), (view) => ids(view) === "b1,b2");
    await one.update({ tags: ["v1", "v2"] }, patience);
    await viewWhere(look.instances$("billing", { tags: ["v2"] }), (view) => ids(view) === "b1,b2");
    expect(ids({ instances: await look.instances("billing", { zone: "eu" }, patience) })).toBe("b2");
    await one.release();
    await viewWhere(look.instances$("billing"), (view) => ids(view) === "b2");
    for await (const names of look.names$) if (names.join() === "billing") break;
    expect(await look.names(patience)).toEqual(["billing"]);
    await namespace.expireSession(a);
    await viewWhere(look.instances$("billing"), (view) => ids(view) === "");
  });

  test("has payloads as the schema makes them; what does not fit hides nothing else", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const payload = z.object({ version: z.string(), limit: z.coerce.number().default(10) });
    const registry = new ServiceRegistry(a, { payload, payloadClass: "com.example.Billing" });
    await registry.register({ ...at("b1"), payload: { version: "1.4" } }, patience);
    const typed: ServiceInstance<{ version: string; limit: number }>[] = await registry.instances("billing");
    expect(typed).toMatchObject([{ id: "b1", payload: { version: "1.4", limit: 10 } }]);
    const raw = await insist(a, () => a.get("/services/billing/b1"));
    expect(JSON.parse(raw.data?.toString() ?? "").payload).toEqual({ "@class": "com.example.Billing", version: "1.4" });
    // What nobody asked TypeScript about.
    const wrong = { ...at("b2"), payload: { version: 7 } } as unknown as Parameters<typeof registry.register>[0];
    await expect(registry.register(wrong)).rejects.toSatisfy(isInvalidPayloadError);
    await new ServiceRegistry(b).register(wrong, patience);
    await insist(b, () => b.setOrCreate("/services/billing/zz", "no JSON"));
    const { malformed } = await viewWhere(registry.instances$("billing"), (view) => view.malformed.length === 2);
    expect(malformed).toMatchObject([
      { path: "/services/billing/b2", problem: expect.stringContaining("version") },
      { path: "/services/billing/zz", problem: expect.stringContaining("not JSON") },
    ]);
    expect(ids({ instances: await registry.instances("billing", {}, patience) })).toBe("b1");
    expect((await registry.explain("billing", patience)).malformed).toHaveLength(2);
  });

  test("converges, whatever instances do meanwhile", async () => {
    await using namespace = await engine.namespace();
    const [watcher, ...clients] = await Promise.all(Array.from({ length: 5 }, () => namespace.connect()));
    const look = new ServiceRegistry(watcher as Client);
    let last: InstancesView | undefined;
    const subscription = look.instances$("billing").subscribe((view) => {
      last = view;
    });
    const kept: KeptRegistration[] = await Promise.all(
      clients.map((client, n) => new ServiceRegistry(client).keepRegistered(at(`b${n}`), patience)),
    );
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        clients.map(async (client, n) => {
          await kept[n]?.update({ port: 1_000 + round }, patience);
          if (n === round) await namespace.expireSession(client);
        }),
      );
    }
    await kept[3]?.release();
    const expected = ["b0", "b1", "b2"].map((id) => `${id}:1002`).join();
    const view = await viewWhere(
      look.instances$("billing"),
      ({ instances }) => instances.map(({ id, port }) => `${id}:${port}`).join() === expected,
    );
    // Each is the registration that stands now, not one that is going with its session.
    for (const [n, instance] of view.instances.entries()) {
      const standing = kept[n]?.current;
      if (standing !== undefined) expect(instance.czxid).toBeLessThanOrEqual(standing.fencingToken);
    }
    subscription.unsubscribe();
    expect(last).toBeDefined();
    await Promise.all(kept.map((one) => one.release()));
    await viewWhere(look.instances$("billing"), ({ instances }) => instances.length === 0);
  });
});

describeOnEveryEngine("a provider", (engine) => {
  test("hands out one after the other, and none that drains, is critical or is switched off", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registry = new ServiceRegistry(a);
    using pick = new ServiceRegistry(b).provider("billing");
    await expect(pick.next({ timeoutMs: 30 })).rejects.toSatisfy(isWaitTimeoutError);
    const waiting = pick.next(patience);
    const all = await Promise.all(["b1", "b2", "b3", "b4"].map((id) => registry.register(at(id), patience)));
    await waiting;
    await viewWhere(new ServiceRegistry(b).instances$("billing"), (view) => ids(view) === "b1,b2,b3,b4");
    await agrees(pick, ["b1", "b2", "b3", "b4"]);
    await all[0]?.drain(patience);
    await all[1]?.setHealth("critical", { ...patience, note: "no database" });
    await all[2]?.update({ enabled: false }, patience);
    await agrees(pick, ["b4"]);
    expect(await nextIds(pick, 3)).toEqual(["b4", "b4", "b4"]);
    expect(pick.explain().instances.map(({ excluded }) => excluded)).toEqual([
      "unhealthy",
      "unhealthy",
      "disabled",
      undefined,
    ]);
    await all[1]?.setHealth("passing", patience);
    await agrees(pick, ["b2", "b4"]);
  });

  test("leaves alone what fails too often, for a while", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registry = new ServiceRegistry(a);
    await Promise.all(["b1", "b2"].map((id) => registry.register(at(id), patience)));
    const down = { failures: 2, withinMs: 60_000, forMs: 800 };
    using pick = new ServiceRegistry(b).provider("billing", { down });
    await agrees(pick, ["b1", "b2"]);
    const failAll = async (id: string): Promise<void> => {
      const failing = pick.explain().instances.find(({ instance }) => instance.id === id)?.instance;
      for (let i = 0; failing !== undefined && i < 2; i++) pick.failed(failing);
    };
    await failAll("b1");
    expect(await nextIds(pick, 3)).toEqual(["b2", "b2", "b2"]);
    await failAll("b2");
    const sinceMs = b.clock.elapsedMs();
    expect(pick.tryNext()).toBeUndefined();
    // Nothing changes in the tree: it is the time that lets them in again.
    expect(["b1", "b2"]).toContain((await pick.next(patience)).id);
    expect(b.clock.elapsedMs() - sinceMs).toBeLessThan(30_000);
    using anyway = new ServiceRegistry(b).provider("billing", { down: { ...down, failures: 1 }, whenAllDown: "pick" });
    const first = await anyway.next(patience);
    anyway.failed(first);
    const second = await anyway.next(patience);
    anyway.failed(second);
    expect(anyway.tryNext()).toBeDefined();
  });

  test("prefers its own zone while there is anybody there, and may stick", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registry = new ServiceRegistry(a);
    const near = await registry.register({ ...at("b1"), zone: "eu" }, patience);
    await registry.register({ ...at("b2"), zone: "us" }, patience);
    await registry.register({ ...at("b3"), zone: "us" }, patience);
    using pick = new ServiceRegistry(b).provider("billing", { zone: "eu", strategy: "sticky" });
    await agrees(pick, ["b1"]);
    expect(await nextIds(pick, 2)).toEqual(["b1", "b1"]);
    await near.release();
    await agrees(pick, ["b2", "b3"]);
    const [first, ...others] = await nextIds(pick, 5);
    expect(new Set(others)).toEqual(new Set([first]));
    pick.close();
    await expect(pick.next(patience)).rejects.toThrow("closed");
  });

  test("gives up when its client is closed", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    using pick = new ServiceRegistry(client).provider("none");
    const refused = expect(pick.next(patience)).rejects.toMatchObject({ code: "ClientClosed" });
    await client.close();
    await refused;
  });
});

/** Resolves when the provider would choose among exactly these. */
async function agrees(pick: Provider<unknown>, expected: readonly string[]): Promise<void> {
  for (;;) {
    const possible = pick.explain().instances.filter(({ excluded }) => excluded === undefined);
    if (possible.map(({ instance }) => instance.id).join() === expected.join()) return;
    pick.tryNext();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describeOnEveryEngine("health", (engine) => {
  test("is checked from time to time and written into the entry; a kept registration goes on checking", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    let isWell = true;
    const check = (): void => {
      if (!isWell) throw new Error("no database");
    };
    const health = { check, intervalMs: 20, failuresToFail: 2 };
    const look = new ServiceRegistry(b);
    await using kept = await new ServiceRegistry(a).keepRegistered({ ...at("b1"), health }, patience);
    const state = ({ instances }: InstancesView) => `${instances[0]?.health} ${instances[0]?.healthNote ?? ""}`;
    await viewWhere(look.instances$("billing"), (view) => state(view) === "passing ");
    isWell = false;
    await viewWhere(look.instances$("billing"), (view) => state(view) === "critical no database");
    await namespace.expireSession(a);
    await viewWhere(look.instances$("billing"), (view) => ids(view) === "b1" && state(view) === "critical no database");
    isWell = true;
    await viewWhere(look.instances$("billing"), (view) => state(view) === "passing ");
    await kept.drain(patience);
    expect(kept.fields.health).toBe("draining");
    const silent = { ttlMs: 50 };
    const quiet = await new ServiceRegistry(a).register({ ...at("q1"), name: "quiet", health: silent }, patience);
    await viewWhere(look.instances$("quiet"), (view) => view.instances[0]?.health === "critical");
    await quiet.release();
  });
});

describeOnEveryEngine("the HTTP face", (engine) => {
  test("serves programs that speak nothing else", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registry = new ServiceRegistry(a);
    await using server = await serveHttp(registry.httpHandler());
    const ask = async (method: string, path: string, body?: unknown): Promise<[number, unknown]> => {
      const response = await fetch(`${server.url}/v1/${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return [response.status, text === "" ? undefined : JSON.parse(text)];
    };
    await new ServiceRegistry(b).register(at("b1"), patience);
    await viewWhere(registry.instances$("billing"), (view) => ids(view) === "b1");
    const fixed = { ...at("s1"), serviceType: "STATIC", payload: "from HTTP", tags: ["php"] };
    expect(await ask("PUT", "service/billing/s1", fixed)).toEqual([201, undefined]);
    expect((await ask("PUT", "service/billing/s1", { ...fixed, port: 81 }))[0]).toBe(201);
    expect((await ask("PUT", "service/billing/b1", { ...fixed, id: "b1" }))[0]).toBe(409);
    expect(await ask("GET", "service")).toEqual([200, [{ name: "billing" }]]);
    expect(await ask("GET", "service/billing?tag=php")).toMatchObject([
      200,
      [{ id: "s1", port: 81, payload: "from HTTP" }],
    ]);
    expect(await ask("GET", "anyservice/billing?tag=php")).toMatchObject([200, { id: "s1" }]);
    expect(await ask("GET", "service/billing/b1")).toMatchObject([200, { id: "b1", serviceType: "DYNAMIC" }]);
    expect(await ask("DELETE", "service/billing/s1")).toEqual([200, undefined]);
    expect((await ask("GET", "service/billing/s1"))[0]).toBe(404);
    expect((await ask("GET", "nothing"))[0]).toBe(404);
  });
});
