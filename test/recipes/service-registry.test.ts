/** Registrations on every engine: what is written, what is lost and when, takeover, names held alone, cancellation. */
import { type Client, isCoordinationError } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import {
  isGrantLostError,
  isNameTakenError,
  isWaitTimeoutError,
  type KeptRegistration,
  type KeptState,
  type Registration,
  ServiceRegistry,
} from "@corral/service-registry";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
import { Overlap } from "../support/overlap.ts";

const patience = { timeoutMs: 60_000 };

const spec = { name: "billing", id: "b1", address: "10.0.0.1", port: 8080 };

/** Resolves when the service has instances of exactly these ids. */
async function idsAre(client: Client, name: string, ids: readonly string[]): Promise<void> {
  for await (const { instances } of new ServiceRegistry(client).instances$(name)) {
    if (JSON.stringify(instances.map(({ id }) => id)) === JSON.stringify(ids)) return;
  }
}

function ended({ signal }: Registration | KeptRegistration): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

async function registeredAnew(kept: KeptRegistration, after: bigint): Promise<Registration> {
  const isNew = (state: KeptState<unknown, unknown>): state is Extract<typeof state, { state: "registered" }> =>
    state.state === "registered" && state.registration.fencingToken > after;
  return (await firstValueFrom(kept.state$.pipe(filter(isNew)))).registration;
}

async function childrenOf(client: Client, path: string): Promise<string[]> {
  await insist(client, () => client.sync(path));
  return await insist(client, () => client.children(path).catch((e) => none(e)));
}

function none(error: unknown): string[] {
  if (isCoordinationError(error, "NoNode")) return [];
  throw error;
}

describeOnEveryEngine("a registration", (engine) => {
  test("stands as long as it is held, and leaves nothing", async () => {
    await using namespace = await engine.namespace();
    const [a, look] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const registration = await new ServiceRegistry(a).register({ ...spec, tags: ["blue"], weight: 3 }, patience);
    expect(registration).toMatchObject({ held: true, id: "b1", service: "billing", entryPath: "/services/billing/b1" });
    await look.sync();
    const { data, stat } = await look.get("/services/billing/b1");
    expect(JSON.parse(data?.toString() ?? "")).toMatchObject({
      name: "billing",
      id: "b1",
      address: "10.0.0.1",
      port: 8080,
      sslPort: null,
      payload: null,
      serviceType: "DYNAMIC",
      uriSpec: null,
      enabled: true,
      corral: { tags: ["blue"], weight: 3 },
    });
    expect(stat.ephemeralOwner).toBe(a.sessionId);
    expect(stat.czxid).toBe(registration.fencingToken);
    expect((await look.get(registration.path)).stat.czxid).toBe(registration.fencingToken);
    await insist(a, () => a.ensurePath("/ledger"));
    await insist(a, () => a.transaction().guard(registration).set("/ledger", "by b1").commit());
    await registration.release();
    expect(registration.held).toBe(false);
    expect(await childrenOf(look, "/services/billing")).toEqual([]);
    expect(await childrenOf(look, "/services.claims/billing/live")).toEqual([]);
    const late = a.transaction().guard(registration).set("/ledger", "late").commit();
    await expect(late).rejects.toSatisfy((e) => isGrantLostError(e) || (e as Error).name === "AbortError");
  });

  test("whose session expires is lost, and discovery shows it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registration = await new ServiceRegistry(a).register(spec, patience);
    await idsAre(b, "billing", ["b1"]);
    await namespace.expireSession(a);
    expect(await ended(registration)).toSatisfy(isGrantLostError);
    await idsAre(b, "billing", []);
    await expect(registration.update({ port: 1 })).rejects.toSatisfy(isGrantLostError);
  });

  test("that is kept is made again with what was changed last, under a higher token", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    await using kept = await new ServiceRegistry(a).keepRegistered(spec, patience);
    const before = kept.current?.fencingToken ?? 0n;
    await kept.update({ port: 9090, tags: ["green"] }, patience);
    await kept.setHealth("warning", { ...patience, note: "slow" });
    await namespace.expireSession(a);
    const registration = await registeredAnew(kept, before);
    expect(registration.fencingToken).toBeGreaterThan(before);
    await b.sync().catch((e) => (engine.isFaulty ? undefined : Promise.reject(e)));
    for await (const { instances } of new ServiceRegistry(b).instances$("billing")) {
      if (instances[0]?.czxid !== registration.fencingToken) continue;
      expect(instances).toMatchObject([{ port: 9090, tags: ["green"], health: "warning", healthNote: "slow" }]);
      break;
    }
    await kept.release();
    expect(kept.current).toBeUndefined();
    await idsAre(b, "billing", []);
  });

  test("of a process that restarted fast takes the place of the one before, and stays when that expires", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const before = await new ServiceRegistry(a).register(spec, patience);
    const after = await new ServiceRegistry(b).register({ ...spec, port: 8081 }, patience);
    expect(await ended(before)).toMatchObject({ reason: "node deleted" });
    expect(after.fencingToken).toBeGreaterThan(before.fencingToken);
    await before.release();
    await namespace.expireSession(a);
    expect(after.held).toBe(true);
    const { instances } = await new ServiceRegistry(c).explain("billing", patience);
    expect(instances).toMatchObject([{ heldBy: "claim", sessionId: b.sessionId, instance: { id: "b1", port: 8081 } }]);
    await after.release();
  });

  test("that is kept ends for good when another one has taken its id", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const first = await new ServiceRegistry(a).keepRegistered(spec, patience);
    await using second = await new ServiceRegistry(b).keepRegistered(spec, patience);
    expect(await ended(first)).toSatisfy(isNameTakenError);
    expect(await firstValueFrom(first.state$.pipe(filter(({ state }) => state === "ended")), { defaultValue: "over" }));
    expect(second.current?.held).toBe(true);
  });

  test("of an id that is not to be taken over is refused, or waited for", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await new ServiceRegistry(a).register(spec, patience);
    const registry = new ServiceRegistry(b);
    const refused = registry.register(spec, { takeOver: false, ...patience });
    await expect(refused).rejects.toMatchObject({ name: "NameTakenError", holder: { id: "b1", holds: "id" } });
    const waiting = registry.register(spec, { takeOver: false, whenTaken: "wait", ...patience });
    await namespace.expireSession(a);
    const next = await waiting;
    expect(await ended(held)).toSatisfy(isGrantLostError);
    expect(next.held).toBe(true);
    await next.release();
  });

  test("of which a foreign hand deletes the entry is lost; a kept one is made again", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const registry = new ServiceRegistry(a);
    const once = await registry.register(spec, patience);
    await b.delete(once.entryPath);
    expect(await ended(once)).toMatchObject({ reason: "node deleted" });
    await once.release();
    expect(await childrenOf(b, "/services.claims/billing/live")).toEqual([]);
    await using kept = await registry.keepRegistered(spec, patience);
    const before = kept.current?.fencingToken ?? 0n;
    expect(await new ServiceRegistry(b).remove("billing", "b1", patience)).toBe(true);
    expect((await registeredAnew(kept, before)).held).toBe(true);
  });

  test("that nobody stands behind outlives its session, is taken up again, and is swept when stale", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const registry = new ServiceRegistry(a);
    const fixed = { ...spec, serviceType: "PERMANENT" } as const;
    await registry.register(fixed, patience);
    await namespace.expireSession(a);
    await idsAre(b, "billing", ["b1"]);
    const again = await new ServiceRegistry(b).register(fixed, patience);
    const refused = registry.put({ ...spec, serviceType: "PERMANENT" }, patience);
    await expect(refused).rejects.toSatisfy(isNameTakenError);
    await again.leave();
    await idsAre(b, "billing", ["b1"]);
    await registry.put({ ...spec, id: "s1" }, patience);
    expect((await registry.explain("billing", patience)).instances).toMatchObject([
      { heldBy: "nobody", instance: { id: "b1", serviceType: "PERMANENT" } },
      { heldBy: "nobody", instance: { id: "s1", serviceType: "STATIC" } },
    ]);
    expect(await registry.sweepStatic({ olderThanMs: 600_000, ...patience })).toEqual([]);
    expect(await registry.sweepStatic({ olderThanMs: -60_000, ...patience })).toEqual(["/services/billing/s1"]);
    expect(await registry.remove("billing", "b1", patience)).toBe(true);
    await idsAre(b, "billing", []);
  });

  test("with a number from the server is of its own, however many have the same id", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const registry = new ServiceRegistry(a);
    const numbered = { ...spec, serviceType: "DYNAMIC_SEQUENTIAL" } as const;
    const [one, two] = await Promise.all([
      registry.register(numbered, patience),
      registry.register(numbered, patience),
    ]);
    expect(new Set([one.entryPath, two.entryPath]).size).toBe(2);
    expect(one.entryPath).toMatch(/^\/services\/billing\/b1\d{10}$/);
    await two.update({ port: 9 }, patience);
    const ports = (await new ServiceRegistry(b).instances("billing")).map(({ port }) => port).sort();
    expect(ports).toEqual([8080, 9]);
    await one.release();
    expect(two.held).toBe(true);
    await two.release();
    expect(await childrenOf(b, "/services/billing")).toEqual([]);
    expect(await childrenOf(b, "/services.claims/billing/live")).toEqual([]);
  });

  test("that is cancelled while it waits, or comes too late, leaves nothing behind", async () => {
    await using namespace = await engine.namespace();
    const [a, b, look] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connectSteadily()]);
    const held = await new ServiceRegistry(a).register(spec, { exclusive: true, ...patience });
    const registry = new ServiceRegistry(b);
    const enough = new AbortController();
    const wanted = { ...spec, id: "b2" };
    const cancelled = registry.register(wanted, { exclusive: true, whenTaken: "wait", signal: enough.signal });
    cancelled.catch(() => undefined);
    for await (const names of look.watchChildren("/services.claims/billing/queue")) if (names?.length === 1) break;
    const late = registry.register(wanted, { whenTaken: "wait", timeoutMs: 50 });
    await expect(late).rejects.toSatisfy(isWaitTimeoutError);
    enough.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    for await (const names of look.watchChildren("/services.claims/billing/queue")) if (names?.length === 0) break;
    expect(await childrenOf(look, "/services.claims/billing/live")).toHaveLength(1);
    expect(await childrenOf(look, "/services/billing")).toEqual(["b1"]);
    await held.release();
  });
});

describeOnEveryEngine("a name that is held alone", (engine) => {
  test("is refused to everybody else, whether they want it alone or not", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await new ServiceRegistry(a).register(spec, { exclusive: true, ...patience });
    const other = new ServiceRegistry(b);
    const wanted = { ...spec, id: "b2" };
    for (const exclusive of [true, false]) {
      const refused = other.register(wanted, { exclusive, ...patience });
      await expect(refused).rejects.toMatchObject({ name: "NameTakenError", holder: { id: "b1", holds: "name" } });
    }
    const { holder, waiters } = await other.explain("billing", patience);
    expect(holder).toMatchObject({ id: "b1", sessionId: a.sessionId, sessionTimeoutMs: a.sessionTimeoutMs });
    expect(waiters).toEqual([]);
    await held.release();
    const member = await other.register(wanted, patience);
    const alone = new ServiceRegistry(a).register(spec, { exclusive: true, ...patience });
    await expect(alone).rejects.toMatchObject({ holder: { id: "b2", holds: "member" } });
    // The attempt has left no hold on the name.
    await using third = await other.register({ ...spec, id: "b3" }, patience);
    expect(third.held).toBe(true);
    await member.release();
  });

  test("goes from one to the next as they release it or are lost, one at a time, with growing tokens", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const overlap = new Overlap(1);
    const tokens: bigint[] = [];
    await Promise.all(
      clients.map(async (client, n) => {
        const registry = new ServiceRegistry(client);
        for (let round = 0; round < 3; round++) {
          const wait = { exclusive: true, whenTaken: "wait", ...patience } as const;
          const registration = await registry.register({ ...spec, id: `b${n}` }, wait);
          tokens.push(registration.fencingToken);
          await overlap.enter();
          if (round === n % 3) await namespace.expireSession(client);
          else await registration.release();
        }
      }),
    );
    expect(overlap.entries).toBe(12);
    expect(tokens).toEqual([...tokens].sort((x, y) => Number(x - y)));
    expect(new Set(tokens).size).toBe(12);
  });

  test("is taken over by its holder's next run, and then still is held alone", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const before = await new ServiceRegistry(a).register(spec, { exclusive: true, ...patience });
    const waiting = new ServiceRegistry(c).register(
      { ...spec, id: "b2" },
      { exclusive: true, whenTaken: "wait", ...patience },
    );
    waiting.catch(() => undefined);
    for await (const names of c.watchChildren("/services.claims/billing/queue")) if (names?.length === 1) break;
    // It may take over what was its own, although somebody else has waited for longer.
    const wait = { exclusive: true, whenTaken: "wait", ...patience } as const;
    const after = await new ServiceRegistry(b).register(spec, wait);
    expect(await ended(before)).toMatchObject({ reason: "node deleted" });
    await namespace.expireSession(a);
    expect(after.held).toBe(true);
    expect((await new ServiceRegistry(b).instances("billing", {}, patience)).map(({ id }) => id)).toEqual(["b1"]);
    await after.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(after.fencingToken);
    await next.release();
  });
});
