/** What a connection asks for is carried out in the order in which it asks, however much it asks for at once. */
import { ErrorCode, OpCode, openAcl, operations, Reader } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { type HarnessOptions, ReplicaHarness, type TestClient } from "../../test-support/replica-harness.ts";
import type { Limits } from "../limits.ts";

const node = (path: string) => ({ path, data: null, acl: openAcl, flags: 0 });
const noNames = Buffer.alloc(4);

test("a read behind a sync does not see the write behind it, though all became durable together", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const [other, client] = [h.connect(), h.connect()];
  h.durable();
  other.send("create", node("/a"));
  h.durable();
  other.send("create", node("/other"));
  client.frames(
    client.encode("sync", { path: "/" }),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(1)).toMatchObject([
    { kind: "reply", header: { err: 0 } },
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});

test("nor when it is behind a write of its own", () => {
  const h = new ReplicaHarness({ log: "manual" });
  const client = h.connect();
  h.durable();
  client.frames(
    client.encode("create", node("/a")),
    client.encode("getChildren", { path: "/a", watch: true }),
    client.encode("create", node("/a/b")),
  );
  h.durable();
  expect(client.received.slice(2)).toMatchObject([
    { kind: "reply", header: { err: 0 }, body: noNames },
    { kind: "event", event: { path: "/a" } },
    { kind: "reply", header: { err: 0 } },
  ]);
});

describe("a client that does not take its answers", () => {
  const limits = { softUnsentBytes: 1_000, maxUnsentBytes: 1 << 20 };

  /** What it has been answered; for a read, how many writes it saw. */
  const answers = (client: TestClient): (string | number)[] =>
    client.received.flatMap((r): (string | number)[] => {
      if (r.kind !== "reply") return [];
      if (r.header.err !== ErrorCode.Ok) return [`error ${r.header.err}`];
      if (r.body.length <= statBytes) return [r.body.length === statBytes ? "write" : "other"];
      return [operations.getData.response.read(new Reader(r.body)).stat.version];
    });

  const statBytes = 68;
  const path = "/n";
  const data = Buffer.alloc(600);
  const read = (client: TestClient) => client.encode("getData", { path, watch: false });
  const write = (client: TestClient) => client.encode("setData", { path, data, version: -1 });

  function connected(log: "immediate" | "manual" = "manual", more = {}) {
    const h = new ReplicaHarness({ log, limits: { ...limits, ...more } });
    const client = h.connect();
    h.durable();
    client.send("create", { ...node(path), data });
    h.durable();
    client.received.length = 0;
    client.takes = false;
    return { h, client };
  }

  /** Lets everything come to its end. */
  function goOn(h: ReplicaHarness, client: TestClient): void {
    for (let before = -1; before < client.received.length; ) {
      before = client.received.length;
      h.durable();
      client.drain();
    }
  }

  test("has its later writes wait behind its reads", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), read(client));
    expect(answers(client)).toEqual([0, 0]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(answers(client)).toEqual([0, 0, 0, "write", 1]);
    expect(client.paused).toBe(true);
    client.drain();
    expect(client.paused).toBe(false);
    expect(h.replica.outstanding).toBe(0);
  });

  test("gets the answer to a read before the write behind it is applied, if that was proposed already", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 2_500 });
    client.frames(read(client), read(client), read(client));
    client.frames(write(client), read(client), read(client), write(client));
    expect(h.replica.outstanding).toBe(2);
    h.durable();
    expect(answers(client)).toEqual([0, 0, 0, "write", 1, 1]);
    client.drain();
    expect(answers(client)).toEqual([0, 0, 0, "write", 1, 1, "write"]);
  });

  test("has no write proposed behind reads that come to more than it may leave", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 10_000 });
    client.takes = true;
    const reads = (count: number) => Array.from({ length: count }, () => read(client));
    client.frames(write(client), ...reads(13), write(client), ...reads(2), write(client), ...reads(13), write(client));
    expect(h.replica.outstanding).toBe(2);
    goOn(h, client);
    expect(h.replica.outstanding).toBe(0);
    const expected = ["write", ...Array(13).fill(1), "write", 2, 2, "write", ...Array(13).fill(3), "write"];
    expect(answers(client)).toEqual(expected);
    expect(client.paused).toBe(false);
  });

  test("nor behind reads that do because of what it writes itself", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 10_000 });
    const long = client.encode("setData", { path, data: Buffer.alloc(5_000), version: -1 });
    client.frames(long, read(client), write(client), read(client), write(client));
    expect(h.replica.outstanding).toBe(2);
  });

  test("has what waited behind its reads refused, not lost, when the log fails before they are answered", () => {
    const h = new ReplicaHarness({
      log: "manual",
      turns: "manual",
      limits: { softUnsentBytes: 10_000, maxTurnRequests: 1 },
    });
    const [other, client] = [h.connect(), h.connect()];
    const settle = () => {
      h.durable();
      while (h.goOn());
    };
    settle();
    other.send("create", { ...node(path), data });
    settle();
    // The reads turn out to be short, so that there is room for the write behind them at once.
    const empty = client.encode("setData", { path, data: null, version: -1 });
    other.send("setData", { path, data: null, version: -1 });
    client.frames(empty, ...Array.from({ length: 15 }, () => read(client)), write(client));
    expect(h.replica.outstanding).toBe(2);
    h.durable();
    expect(answers(client)).toEqual([]);
    h.input({ type: "logFailed" });
    expect(answers(client)).toEqual(["write", ...Array(15).fill(2), `error ${ErrorCode.SystemError}`]);
    expect(client.closed).toBe(false);
  });

  /** Everybody has asked for little, and it is long when it is read: somebody else has written it. */
  function surprised(count: number, options: HarnessOptions) {
    const h = new ReplicaHarness({ log: "manual", ...options });
    const [other, ...clients] = [h.connect(), ...Array.from({ length: count }, () => h.connect())];
    const settle = () => {
      h.durable();
      while (h.goOn());
    };
    settle();
    other.send("create", node(path));
    other.send("create", node("/other"));
    settle();
    other.send("setData", { path, data: Buffer.alloc(100_000), version: -1 });
    for (const client of clients) {
      client.takes = false;
      const reads = Array.from({ length: 31 }, () => read(client));
      const write = () => client.encode("setData", { path: "/other", data: null, version: -1 });
      client.frames(write(), ...reads, write(), ...reads, write());
    }
    expect(h.replica.outstanding).toBe(1 + 3 * count);
    return { h, clients, settle };
  }

  test("is cut off where answers that cannot wait take more room than it may have", () => {
    const { h, clients, settle } = surprised(1, { limits: { softUnsentBytes: 10_000, hardUnsentBytes: 500_000 } });
    settle();
    expect(clients[0]).toMatchObject({ closed: true, closedAbruptly: true, untakenBytes: 0 });
    expect(h.logs.at(-1)?.fields).toMatchObject({ reason: expect.stringContaining("does not read") });
    expect(h.replica.closedTotal).toBe(1);
    // What it had asked for is carried out nevertheless.
    expect(h.replica.state.tree.get("/other")?.stat().version).toBe(3);
  });

  test.each(["goOn", "stop", "logFailed"] as const)("so are many, and little is sent to all at once (%s)", (type) => {
    const limits = { softUnsentBytes: 10_000, maxUnsentBytes: 1 << 20, maxTurnRequests: 100, maxTurnBytes: 1 << 20 };
    const { h, clients } = surprised(50, { limits, turns: "manual" });
    h.durable();
    h.input({ type });
    while (h.goOn());
    expect(clients.filter(({ closed }) => closed).length).toBeGreaterThan(30);
    expect(h.mostSent).toBeGreaterThan(1_000_000);
    expect(h.mostSent).toBeLessThan(limits.maxUnsentBytes + clients.length * 2 * 100_000);
  });

  test("and what is made for one that is cut off ends the turn of all", () => {
    const limits = { softUnsentBytes: 10_000, hardUnsentBytes: 500_000, maxTurnBytes: 400_000 };
    const { h, clients } = surprised(10, { limits, turns: "manual" });
    h.durable();
    for (let turn = 1; turn <= 10; turn++) {
      expect(clients.filter(({ closed }) => closed).length).toBeLessThanOrEqual(turn);
      h.goOn();
    }
  });

  /** Twenty who have each a write under way, and twenty long transactions held behind their reads. */
  function holding(more: Partial<Limits>) {
    const limits = { softUnsentBytes: 1_000, maxTurnRequests: 1_000, ...more };
    const h = new ReplicaHarness({ log: "manual", turns: "manual", limits });
    const clients = Array.from({ length: 20 }, () => h.connect());
    h.durable();
    while (h.goOn());
    const part = { type: OpCode.check, path: "/", version: -1 } as const;
    for (const client of clients) {
      client.takes = false;
      const reads = Array.from({ length: 11 }, () => read(client));
      const multis = Array.from({ length: 20 }, () => client.encode("multi", Array(50).fill(part)));
      client.frames(client.encode("create", node(`/${client.id}`)), ...reads, ...multis);
    }
    expect(h.replica.outstanding).toBe(20);
    return { h, clients };
  }

  test("what is taken up behind its reads counts to the turn", () => {
    const { h } = holding({});
    h.durable();
    // Those of one client, more or less.
    expect(h.replica.outstanding).toBeLessThan(20 + 20);
  });

  test("no more of it is proposed than may be, and the rest when there is room", () => {
    const { h, clients } = holding({ maxProposedEntries: 30 });
    for (let i = 0; i < 1_000 && clients.some(({ received }) => received.length < 33); i++) {
      h.durable();
      h.goOn();
      expect(h.replica.outstanding).toBeLessThan(30 + 20);
      // Who has taken all that there was is not told so again.
      for (const client of clients) {
        if (client.untakenBytes > 0) client.drain();
      }
    }
    expect(clients.map(({ received }) => received.length)).toEqual(Array(20).fill(33));
  });

  test.each(["diskSpace", "logFailed"] as const)("nor is it left when all of it is refused at once (%s)", (type) => {
    const limits = { softUnsentBytes: 1_000, maxProposedEntries: 100, maxTurnRequests: 50 };
    const h = new ReplicaHarness({ log: "manual", limits });
    const clients = Array.from({ length: 30 }, () => h.connect());
    const hog = h.connect();
    h.durable();
    const set = (client: TestClient) => client.encode("setData", { path: "/", data: null, version: -1 });
    for (const client of clients) {
      client.drain();
      client.takes = false;
      const reads = Array.from({ length: 11 }, () => client.encode("exists", { path: "/", watch: false }));
      client.frames(set(client), ...reads, ...Array.from({ length: 20 }, () => set(client)));
    }
    const own = h.pendingZxid;
    hog.frames(...Array.from({ length: 101 }, () => set(hog)));
    h.durable(own);
    const settle = () => {
      for (const client of clients) if (client.untakenBytes > 0) client.drain();
    };
    const waiting = () => clients.filter(({ closed, received }) => !closed && received.length < 33).length;
    settle();
    expect(waiting()).toBe(30);
    h.input(type === "diskSpace" ? { type, isLow: true } : { type });
    for (let i = 0; i < 40; i++) {
      if (h.replica.outstanding > 0) h.durable();
      settle();
    }
    expect(waiting()).toBe(0);
  });

  test("everybody has a turn when there is not room for all", () => {
    const limits = { softUnsentBytes: 1_000, maxProposedEntries: 100 };
    const h = new ReplicaHarness({ log: "manual", limits });
    const hogs = Array.from({ length: 20 }, () => h.connect());
    const late = h.connect();
    h.durable();
    for (const client of [...hogs, late]) client.takes = false;
    const set = (client: TestClient) => client.encode("setData", { path: "/", data: null, version: -1 });
    const rounds = 200;
    for (let round = 0; round < rounds; round++) {
      for (const hog of hogs) {
        const reads = Array.from({ length: 11 }, () => hog.encode("exists", { path: "/", watch: false }));
        if (!hog.paused) hog.frames(set(hog), ...reads, ...Array.from({ length: 30 }, () => set(hog)));
      }
      if (!late.paused) late.frames(set(late));
      h.durable();
      for (const client of [...hogs, late]) if (client.untakenBytes > 0) client.drain();
    }
    const counts = hogs.map(({ received }) => received.length);
    expect(Math.min(...counts)).toBeGreaterThan(Math.max(...counts) / 2);
    expect(late.received.length).toBeGreaterThan(rounds / 20);
  });

  test("is not cut off while little of it lies untaken, however much others leave", () => {
    const { h, client } = connected();
    const other = h.connect();
    h.durable();
    other.takes = false;
    client.frames(write(client), read(client), write(client));
    while (!other.paused) other.frames(read(other));
    client.untakenBytes = 0;
    h.input({ type: "frames", connection: other.id, frames: [], unsentBytes: 2 << 20 });
    h.durable();
    expect(answers(client)).toEqual(["write", 1]);
    expect(client.closed).toBe(false);
  });

  test("has its reads answered before it is read again, when others have made room", () => {
    const { h, client } = connected("manual", { softUnsentBytes: 2_000, maxUnsentBytes: 2_500 });
    const other = h.connect();
    h.durable();
    other.takes = false;
    while (!other.paused) other.frames(read(other));
    client.frames(read(client));
    client.frames(read(client));
    expect(answers(client)).toEqual([0]);
    h.input({ type: "disconnected", connection: other.id });
    h.pass(100);
    expect(client.paused).toBe(false);
    client.frames(write(client));
    h.durable();
    client.drain();
    expect(answers(client)).toEqual([0, 0, "write"]);
  });

  test("has reads behind its last write wait for room", () => {
    const { h, client } = connected();
    client.frames(write(client), write(client), ...Array.from({ length: 5 }, () => read(client)));
    h.durable();
    expect(answers(client)).toEqual(["write", "write", 2, 2]);
  });

  test("is asked nothing that comes behind the end of its session", () => {
    const { h, client } = connected("immediate");
    const end = client.encode("closeSession", {});
    client.frames(read(client), read(client), read(client), end, write(client));
    client.drain();
    expect(client.closed).toBe(true);
    expect(answers(client)).toEqual([0, 0, 0, "other"]);
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(0);
  });

  test("has its last words carried out when it has ended in order, and is answered nothing more", () => {
    const { h, client } = connected("immediate");
    client.frames(read(client), read(client), read(client), write(client), write(client));
    const { untakenBytes } = client;
    h.input({ type: "ended", connection: client.id });
    expect(h.replica.state.tree.get(path)?.stat().version).toBe(2);
    expect(client.paused).toBe(false);
    expect(client.untakenBytes).toBe(untakenBytes);
    h.input({ type: "disconnected", connection: client.id });
    expect(h.replica.connectionCount).toBe(0);
  });
});
