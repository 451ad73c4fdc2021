/** Shards on every engine: one owner at a time by counting, evenly in the end, whoever comes, goes, dies or is slow. */
import { type Client, isRecoverable } from "@corral/client";
import { isGrantLostError, type Participation, ShardedGroup, type ShardGrant } from "@corral/group-membership";
import { Mutex } from "@corral/locks";
import { insist } from "@corral/recipe-kit";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
import type { Namespace } from "../engines/namespace.ts";
import { Overlap } from "../support/overlap.ts";

const patience = { timeoutMs: 60_000 };
const path = "/indexers";
const shards = ["s0", "s1", "s2", "s3", "s4", "s5"];

const shardsOf = (grants: readonly ShardGrant[]) => grants.map(({ shard }) => shard).sort();

/** Resolves when the participation owns so many shards, none of which is wanted elsewhere. */
async function owns(participation: Participation, count: number): Promise<readonly ShardGrant[]> {
  const settled = (grants: readonly ShardGrant[]): boolean =>
    grants.length === count && grants.every(({ wanted }) => !wanted.aborted);
  return await firstValueFrom(participation.shards$.pipe(filter(settled)));
}

/** Releases whatever is wanted, as soon as it is. */
function releaseWhatIsWanted(participation: Participation): void {
  participation.shards$.subscribe({
    next: (grants) => {
      for (const grant of grants) {
        if (grant.wanted.aborted) grant.abandon();
        else grant.wanted.addEventListener("abort", () => grant.abandon(), { once: true });
      }
    },
    error: () => undefined,
  });
}

async function join(client: Client, name: string, of = shards): Promise<Participation> {
  const participation = await new ShardedGroup(client, path, { shards: of, name }).join(patience);
  releaseWhatIsWanted(participation);
  return participation;
}

/** Returns when what `count` counts has grown by three for each shard. */
async function untilEach(client: Client, count: (shard: string) => number): Promise<void> {
  const before = new Map(shards.map((shard) => [shard, count(shard)]));
  while (shards.some((shard) => count(shard) < (before.get(shard) ?? 0) + 3)) {
    await insist(client, () => client.sync("/"));
  }
}

async function connectMany(namespace: Namespace, count: number): Promise<Client[]> {
  return await Promise.all(Array.from({ length: count }, () => namespace.connect()));
}

describeOnEveryEngine("shards", (engine) => {
  test("are divided evenly, and anew as members come and go; only what must moves", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const one = await join(a, "one");
    expect(shardsOf(await owns(one, 6))).toEqual(shards);
    const two = await join(b, "two");
    const [ofOne, ofTwo] = await Promise.all([owns(one, 3), owns(two, 3)]);
    expect([...shardsOf(ofOne), ...shardsOf(ofTwo)].sort()).toEqual(shards);
    const three = await join(c, "three");
    await Promise.all([owns(one, 2), owns(two, 2), owns(three, 2)]);
    expect(ofOne.filter((grant) => grant.held)).toHaveLength(2);
    expect(ofTwo.filter((grant) => grant.held)).toHaveLength(2);
    const kept = two.shards;
    await one.leave(patience);
    expect(one.shards).toEqual([]);
    const [ofTwoNow, ofThree] = await Promise.all([owns(two, 3), owns(three, 3)]);
    expect([...shardsOf(ofTwoNow), ...shardsOf(ofThree)].sort()).toEqual(shards);
    expect(kept.every((grant) => grant.held)).toBe(true);
    await Promise.all([two.leave(patience), three.leave(patience)]);
  });

  test("have one owner at a time while members come and go", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 3);
    const inside = new Map(shards.map((shard) => [shard, new Overlap(1)]));
    const entries = (shard: string) => inside.get(shard)?.entries ?? 0;
    const stops = clients.map(() => new AbortController());
    const hold = async ({ shard, wanted }: ShardGrant): Promise<void> => {
      while (!wanted.aborted) await inside.get(shard)?.enter();
    };
    const run = async (i: number): Promise<void> => {
      const group = new ShardedGroup(clients[i] as Client, path, { shards, name: `m${i}` });
      await group.run(hold, { signal: (stops[i] as AbortController).signal });
    };
    const runs: Promise<void>[] = [];
    const failure = new Promise<never>((_, reject) => {
      const start = (i: number) => runs.push(run(i).catch(reject));
      void (async () => {
        for (const i of clients.keys()) {
          start(i);
          await untilEach(clients[0] as Client, entries);
        }
        stops[0]?.abort();
        await untilEach(clients[1] as Client, entries);
        stops[2]?.abort();
        await untilEach(clients[1] as Client, entries);
        stops[1]?.abort();
      })();
    });
    await Promise.race([failure, new Promise((resolve) => stops[1]?.signal.addEventListener("abort", resolve))]);
    await Promise.race([failure, Promise.all(runs)]);
    const { members, shards: explained } = await insist(clients[0] as Client, () =>
      new ShardedGroup(clients[0] as Client, path, { shards, name: "observer" }).explain(),
    );
    expect(explained.map(({ owner }) => owner)).toEqual(shards.map(() => undefined));
    expect(members).toEqual([]);
  });

  test("§6.1 §6.2 are written to in the order of their owners' tokens while sessions are lost", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 3);
    const observer = await namespace.connectSteadily();
    for (const shard of shards) await observer.ensurePath(`/ledger/${shard}`);
    const written: { readonly shard: string; readonly zxid: bigint; readonly token: bigint }[] = [];
    const stop = new AbortController();
    const hold = async (client: Client, grant: ShardGrant): Promise<void> => {
      const { shard, wanted, fencingToken: token } = grant;
      while (!wanted.aborted && grant.held) {
        const write = client.transaction().guard(grant).set(`/ledger/${shard}`, String(token));
        try {
          const [, { stat }] = await write.commit({ signal: grant.signal });
          written.push({ shard, zxid: stat.mzxid, token });
        } catch (error) {
          if (!grant.signal.aborted && !isGrantLostError(error) && !isRecoverable(error)) throw error;
        }
      }
    };
    const runs = clients.map((client, i) =>
      new ShardedGroup(client, path, { shards, name: `m${i}` }).run((grant) => hold(client, grant), stop),
    );
    const writes = (shard: string) => written.filter((write) => write.shard === shard).length;
    const expire = async (client: Client): Promise<void> => {
      await firstValueFrom(client.state$.pipe(filter(({ state }) => state === "connected")));
      await namespace.expireSession(client);
    };
    const play = async (): Promise<void> => {
      await untilEach(observer, writes);
      for (const client of clients) {
        await expire(client);
        await untilEach(observer, writes);
      }
      await Promise.all(clients.slice(1).map(expire));
      await untilEach(observer, writes);
      stop.abort();
    };
    await Promise.all([play(), ...runs]);
    for (const shard of shards) {
      const inOrder = written.filter((write) => write.shard === shard).sort((x, y) => Number(x.zxid - y.zxid));
      const tokens = inOrder.map(({ token }) => token);
      expect(tokens).toEqual([...tokens].sort((x, y) => Number(x - y)));
      expect(new Set(tokens).size).toBeGreaterThan(1);
    }
  });

  test("are not had before their owner has released them; taken from one that does not in time", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const slow = await new ShardedGroup(a, path, { shards: ["s0", "s1"], name: "slow" }).join(patience);
    const both = await owns(slow, 2);
    const next = await join(b, "next", ["s0", "s1"]);
    const asked = await Promise.race(
      both.map((grant) => new Promise<ShardGrant>((r) => grant.wanted.addEventListener("abort", () => r(grant)))),
    );
    const group = new ShardedGroup(b, path, { shards, name: "observer" });
    // Until the other waits in the shard's queue, and a while longer.
    for (;;) {
      const explained = (await group.explain()).shards.find(({ shard }) => shard === asked.shard);
      if (explained?.waiters.length === 1) {
        expect(explained).toMatchObject({ planned: "next", owner: { czxid: asked.fencingToken } });
        break;
      }
    }
    expect(asked.held).toBe(true);
    expect(next.shards).toEqual([]);
    await asked.release();
    expect(shardsOf(await owns(next, 1))).toEqual([asked.shard]);
    expect(next.shards[0]?.fencingToken).toBeGreaterThan(asked.fencingToken);
    // Leaving does not wait for ever for a holder that does not let go.
    const [left] = slow.shards;
    await slow.leave({ timeoutMs: 100 });
    expect(left?.signal.reason).toSatisfy(isGrantLostError);
    await owns(next, 2);
    await next.leave(patience);
  });

  test("are taken after handOverMs from a holder that does not release them", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const options = { shards: ["s0"], handOverMs: 100 };
    const stubborn = await new ShardedGroup(a, path, { ...options, name: "b" }).join(patience);
    const [grant] = await owns(stubborn, 1);
    // A function of one's own: everything to the one whose name comes first.
    const partition = (all: readonly string[], members: readonly string[]) =>
      new Map(all.map((shard) => [shard, [...members].sort()[0] ?? ""]));
    await stubborn.leave({ timeoutMs: 0 });
    expect(grant?.held).toBe(false);
    const again = await new ShardedGroup(a, path, { ...options, partition, name: "b" }).join(patience);
    const [second] = await owns(again, 1);
    const first = await new ShardedGroup(b, path, { ...options, partition, name: "a" }).join(patience);
    await owns(first, 1);
    expect(second?.signal.reason).toMatchObject({ reason: "revoked" });
    await Promise.all([first.leave({ timeoutMs: 0 }), again.leave(patience)]);
  });

  test("go to the members that are left when the one that plans dies, and with one name to the one that stood by", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const planner = await join(a, "one");
    await owns(planner, 6);
    const second = await join(b, "two");
    await Promise.all([owns(planner, 3), owns(second, 3)]);
    const standby = await join(c, "two");
    const mine = second.shards;
    // Until it stands by: it waits for each of the three.
    const group = new ShardedGroup(c, path, { shards, name: "observer" });
    for (;;) {
      const { shards: explained } = await insist(c, () => group.explain());
      if (explained.filter(({ waiters }) => waiters.length > 0).length === 3) break;
    }
    await namespace.expireSession(b);
    // The other of the name has them before or after the session is made anew: the share is one.
    for (;;) {
      await insist(c, () => c.sync("/"));
      if (second.shards.length + standby.shards.length === 3 && standby.shards.length > 0) break;
    }
    expect(mine.every((grant) => !grant.held)).toBe(true);
    await planner.leave(patience);
    for (;;) {
      await insist(c, () => c.sync("/"));
      if (second.shards.length + standby.shards.length === 6) break;
    }
    await Promise.all([second.leave(patience), standby.leave(patience)]);
  });

  test("wait for whoever holds a mutex at their place", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const held = await new Mutex(b, `${path}/locks/s0`).acquire(patience);
    const participation = await new ShardedGroup(a, path, { shards: ["s0", "s1"], name: "a" }).join(patience);
    expect(shardsOf(await owns(participation, 1))).toEqual(["s1"]);
    await held.release();
    await owns(participation, 2);
    await participation.leave({ timeoutMs: 0 });
  });

  test("that a function fails on are given up, all of them, and run() rejects", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const group = new ShardedGroup(a, path, { shards, name: "a" });
    const run = group.run(
      async ({ shard, wanted }) => {
        if (shard === "s3") throw new Error("no index for s3");
        await new Promise((resolve) => wanted.addEventListener("abort", resolve, { once: true }));
      },
      { signal: new AbortController().signal },
    );
    await expect(run).rejects.toThrow("no index for s3");
    const next = await join(b, "b");
    await owns(next, 6);
    await next.leave(patience);
  });

  test("end with their client", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const participation = await join(a, "a");
    await owns(participation, 6);
    const completed = new Promise<void>((resolve) => participation.shards$.subscribe({ complete: resolve }));
    const group = new ShardedGroup(b, path, { shards, name: "b" });
    let begun = (): void => {};
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const run = group.run(
      async ({ wanted }) => {
        begun();
        await new Promise((resolve) => wanted.addEventListener("abort", resolve, { once: true }));
      },
      { signal: new AbortController().signal },
    );
    await begins;
    const [grant] = participation.shards.filter(({ wanted }) => !wanted.aborted);
    const ended = expect(run).rejects.toMatchObject({ code: "ClientClosed" });
    await Promise.all([a.close(), b.close()]);
    await Promise.all([completed, ended]);
    expect(grant?.signal.reason).toSatisfy(isGrantLostError);
    expect(participation.shards).toEqual([]);
    expect(participation.signal.reason).toMatchObject({ code: "ClientClosed" });
  });

  test("go on being divided when the plan was deleted, or spoilt", async () => {
    await using namespace = await engine.namespace();
    const [a, observer] = [await namespace.connect(), await namespace.connectSteadily()];
    const participation = await join(a, "a");
    await owns(participation, 6);
    await observer.set(`${path}/plan`, "not a plan");
    await owns(participation, 6);
    await observer.delete(`${path}/plan`);
    for await (const plan of observer.watchNode(`${path}/plan`)) if (plan !== undefined) break;
    await owns(participation, 6);
    await participation.leave(patience);
  });
});
